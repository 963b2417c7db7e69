"""Prints text from outside as one plain line, for logs, terminals and messages."""

from __future__ import annotations

import re

# C0 and C1 controls with the escape that begins a terminal's commands; line and paragraph separators; and the marks
# that turn the direction of what follows.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """`text` with every control character written out, such as \\n and \\x1b: it stays on one line and does nothing."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def plain_line(text: str, longest: int) -> str:
    """Returns `visible(text)` cut to `longest` characters, with a mark if something was cut off."""
    line = visible(text[: longest + 1])
    return line if len(line) <= longest else f"{line[: longest - 4]} ..."
