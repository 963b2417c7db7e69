"""Texts that a program before this one read in a wrong encoding: "ZÃ¼rich" for "Zürich"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lamp.data.checks.sample import counted, quoted
from lamp.data.splits import Example

_SUSPECT = re.compile(r"\S*[Â-ô][^\x00-\x7f]\S*")
"""A word with what the first bytes of a character in UTF-8 become in Windows-1252."""


def garbled_warnings(sample: Sequence[Example], rows: int) -> list[str]:
    """Says how many rows hold UTF-8 that was taken for Windows-1252, with a word as it is and as it was meant.

    sample: some of the `rows` rows.
    """
    found = [words for example in sample if (words := _garbled(example.text) or _garbled(example.target))]
    if not found:
        return []
    word, meant = map(quoted, found[0])
    return [
        f"In {counted(len(found), len(sample), rows)} UTF-8 was taken for Windows-1252 by a program that wrote them, "
        f"such as {word} for {meant}: make the file again from its source."
    ]


def _garbled(text: str) -> tuple[str, str] | None:
    """The first word that was read so, and what it was; None where there is none."""
    for match in _SUSPECT.finditer(text):
        try:
            return match[0], match[0].encode("cp1252").decode("utf-8")
        except UnicodeError:
            continue
    return None
