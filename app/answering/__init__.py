"""Answers from trained prompts, which a process of its own gives: the server never loads a model."""
