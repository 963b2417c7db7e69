"""The machine that runs train on: its devices and their memory, and what fits it. Nothing here imports torch."""
