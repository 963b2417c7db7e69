"""A recipe before it is started: its problems, and the time and memory that it needs."""
