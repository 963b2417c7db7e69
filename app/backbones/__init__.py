"""Backbones: which are offered, which are on this machine, and the search for more."""
