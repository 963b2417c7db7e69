"""Alternatives to compare a prompt with: a written instruction, examples, a plain soft prompt, LoRA."""
