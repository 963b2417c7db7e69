"""Saves and loads trained prompts, and exports them for other programs."""
