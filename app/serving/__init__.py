"""Prompts of runs behind the API of OpenAI's clients, in a process of its own for each backbone."""
