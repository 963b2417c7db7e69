"""Where the table in a file begins: which sheet it is on, and which line names the columns, or that none does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_USUAL = frozenset(
    {
        *("text", "texts", "sentence", "review", "comment", "title", "name", "input", "prompt", "question", "context"),
        *("document", "message", "body", "content", "id", "idx", "index", "label", "labels", "target", "answer"),
        *("output", "category", "class", "summary", "sentiment", "intent", "completion", "response", "reply"),
    }
)
"""Names of columns that are no row of texts and labels."""
_FEWEST_ROWS = 5
_MOST_TITLES = 10
"""Lines above the header, at most, that are passed over as titles."""
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Layout:
    """What a person says of where the table begins."""

    header: int | None = None
    """The line of a text file, or the row of a sheet, that names the columns, from 1; 0 where none does; None to find
    it."""
    sheet: str = ""
    """The sheet of a workbook; "" for the first one with a table."""


NO_HEADER = (
    "The first line seems to be a row, not the names of the columns, so they are called column 1, column 2 and so on."
)
"""A note of tables whose columns have no names, it seems."""
NO_NAMES = "No names of columns are given, so they are called column 1, column 2 and so on."
"""A note of tables whose columns have no names."""

FIRST = "column 1"
"""What a first column is called that is filled and has no name, as pandas writes row numbers."""
UNNAMED = f"The first column has no name, so it is called {FIRST}."
"""A note of tables with such a column."""


def numbered(width: int) -> tuple[str, ...]:
    """Names for columns that have none."""
    return tuple(f"column {number}" for number in range(1, width + 1))


def titles_note(titles: Sequence[str]) -> str:
    """A note about lines above the header that are passed over."""
    lines = "The first line" if len(titles) == 1 else f"The first {len(titles)} lines"
    return f"{lines}, {titles[0][:_LONGEST_NAME]!r}, {'is' if len(titles) == 1 else 'are'} no part of the table."


def titles_above(records: Sequence[Sequence[str]]) -> int:
    """How many of a file's first records, none of them blank, are titles above the header: they have one cell each.

    0 also where what follows does not look like a header.
    """
    filled = [[cell for cell in record if cell.strip()] for record in records[: _MOST_TITLES + 1]]
    header = next((index for index, cells in enumerate(filled) if len(cells) > 1), 0)
    names = filled[header] if filled else []
    clear = all(name == name.lstrip() and len(name) <= _LONGEST_NAME for name in names)
    return header if clear and len(set(names)) == len(names) else 0


def names_columns(cells: Sequence[object]) -> bool:
    """Whether cells are plainly the names of columns: one of them is a usual name, and no two are alike."""
    names = [cell.strip().lower() for cell in cells if isinstance(cell, str)]
    return len(names) == len(cells) == len(set(names)) and bool(_USUAL & set(names))


def is_upper_header(cells: Sequence[str], below: Sequence[str]) -> bool:
    """Whether cells name groups of columns, not columns: some are blank or alike, and those below them are names.

    A first name alone may be blank: pandas writes row numbers so.
    """
    names = [cell.strip() for cell in cells]
    own = names if names[0] else names[1:]
    return (not all(own) or len(set(own)) < len(own)) and any(own) and all(below) and names_columns(below)


def is_a_row(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a header is a row of the table: one of its cells is a label that rows below it have as well.

    rows: the first of them, each as wide as the header.
    """
    names = [cell.strip() for cell in header]
    if not all(names) or _USUAL & {name.lower() for name in names} or len(rows) < _FEWEST_ROWS:
        return False
    below = [[cell.strip() for cell in row] for row in rows]
    below = [row for row in below if row != names]  # a header that stands in the middle again, as of joined files
    for index, name in enumerate(names):
        cells = [row[index] for row in below]
        if cells.count(name) > 1 and len(set(cells)) <= len(cells) // 2:
            return True
    return False
