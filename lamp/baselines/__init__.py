"""Other ways to the same answers, to compare a prompt with: a written instruction, examples, a plain prompt, LoRA."""
