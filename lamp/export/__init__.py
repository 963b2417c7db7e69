"""A trained prompt on disk, as PEFT and people read it."""
