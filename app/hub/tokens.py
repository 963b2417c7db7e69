"""Checks tokens of the Hub as people paste them."""

from __future__ import annotations

from lamp.errors import DataError


def is_token(token: str) -> bool:
    """Returns whether a text can be a token, and so be sent in a request's header."""
    return token.isascii() and token.isprintable() and " " not in token


def checked_token(token: str) -> str:
    """Returns a token without surrounding blanks, "" for none. Raises DataError if it cannot be one."""
    token = token.strip()
    if not is_token(token):
        raise DataError("That is not a Hub token: it must be one word of letters and digits, such as hf_...")
    return token
