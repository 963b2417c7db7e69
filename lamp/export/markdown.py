"""Escapes texts of people for Markdown."""

from __future__ import annotations

import re
from html import escape

from lamp.plain_line import visible


def plain(text: str) -> str:
    """Escapes a text so that Markdown shows it as it is: no HTML, no link, no heading, one line."""
    return re.sub(r"([\\\\`*_\[\]()#!|~])", r"\\\1", escape(visible(text), quote=False))


def code(text: str) -> str:
    """Formats a text as inline code, also in a table; backticks in it are replaced."""
    return f"`{visible(text).replace('`', chr(39)).replace('|', chr(92) + '|')}`"
