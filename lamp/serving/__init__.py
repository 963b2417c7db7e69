"""Trained prompts behind the web API that OpenAI's clients speak."""
