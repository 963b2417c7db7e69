"""Texts of people in Markdown."""

from __future__ import annotations

import re
from html import escape

from lamp.plain_line import visible


def plain(text: str) -> str:
    """A text that Markdown shows as it is: no HTML, no link, no heading, one line."""
    return re.sub(r"([\\\\`*_\[\]()#!|~])", r"\\\1", escape(visible(text), quote=False))


def code(text: str) -> str:
    """A text as code, also in a table; a backtick would end it."""
    return f"`{visible(text).replace('`', chr(39)).replace('|', chr(92) + '|')}`"
