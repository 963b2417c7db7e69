"""Trained prompts as people take them home: zips, formats of other programs, and the code that uses them."""
