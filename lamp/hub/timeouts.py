"""How long to wait for the Hub."""

HUB_TIMEOUT = 10.0
"""Seconds that one question to the Hub may take."""
