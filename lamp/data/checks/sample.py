"""Tools for all checks: a sample of the rows, and a row quoted in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from lamp.data.conversation import readable
from lamp.data.splits import Example, Splits

_MOST_ROWS = 5000
"""Approximate limit on the rows that are searched; of a larger data set, for example, every second row is."""
_LONGEST_QUOTE = 60


def some_of(splits: Splits) -> Sequence[Example]:
    """Returns about 5000 rows at most, at even distances."""
    stride = max(1, -(-sum(map(len, splits.parts)) // _MOST_ROWS))
    return [example for part in splits.parts for example in part[::stride]]


def counted(found: int, searched: int, total: int) -> str:
    """Returns how many of `total` rows there are if `searched` rows contain `found`: "about 1,200 of 9,000 rows"."""
    number = round(found * total / searched)
    return f"{'' if searched == total else 'about '}{number:,} of {total:,} rows"


def quoted(text: str) -> str:
    """Returns a text in quotes, on one line, cut to 60 characters."""
    line = " ".join(text.split())
    return repr(line if len(line) <= _LONGEST_QUOTE else line[: _LONGEST_QUOTE - 1] + "…")


def example_row(example: Example) -> str:
    """Returns a row as an example in a sentence: its number, from 1, and how it starts."""
    return f"row {example.row + 1:,} ({quoted(readable(example.text))})"
