"""Training the factors of a prompt: the loop, its step, checkpoints and result."""
