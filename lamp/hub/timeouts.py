"""Time limits for requests to the Hub."""

HUB_TIMEOUT = 10.0
"""Seconds that one request may take."""
