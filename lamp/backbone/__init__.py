"""The frozen language model: loading it, reading inputs behind a soft prompt, and writing answers."""
