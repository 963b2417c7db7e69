"""Computes a prompt's answers on a backbone, and scores them."""
