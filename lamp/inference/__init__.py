"""Answers and scores of a prompt on a backbone."""
