"""The table itself, how large one may be, and what its columns may be called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_BYTES = 200_000_000
MAX_UNPACKED = 1_000_000_000
"""Bytes and characters that a packed file may grow to."""
MAX_ROWS = 1_000_000
MAX_COLUMNS = 1_000
MAX_CELLS = 10_000_000
MAX_NAME = 200
"""Characters of a column's name; more is nearly always a row where the header should be."""


@dataclass(frozen=True)
class Table:
    """Rows of named text cells, in the file's order."""

    columns: tuple[str, ...]
    rows: Sequence[dict[str, str]]
    """Each row has every column; a cell that was missing or null is ""."""


class TableError(Exception):
    """What is wrong with a file and what to do, as the rest of a sentence that starts with the file's name."""


def quoted(value: object) -> str:
    """A value from a file, quoted, its control characters escaped, short enough for a sentence."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def column_names(raw: Iterable[str]) -> tuple[str, ...]:
    """The names without surrounding blanks; raises Fault when they cannot serve as the columns of a table."""
    names = tuple(name.strip() for name in raw)
    if not names:
        raise TableError("has only empty cells: its first line must be a header that names the columns.")
    if len(names) > MAX_COLUMNS:
        raise TableError(f"has more than {MAX_COLUMNS:,} columns: take out those that are not needed.")
    for number, name in enumerate(names, start=1):
        if not name:
            raise TableError(f"has no name for column {number}: name it in the header, or take the column out.")
        if len(name) > MAX_NAME:
            raise TableError(
                f"has a name of {len(name):,} characters for column {number}: "
                f"its first line must be a header with names of {MAX_NAME} characters or less."
            )
        if "{" in name or "}" in name:
            raise TableError(f"has a column called {quoted(name)}: a name cannot hold braces, so give it another.")
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise TableError(f"has {count} columns called {quoted(name)}: give each column a name of its own.")
    if len(names) == 1:
        raise TableError(
            f"has only one column, {quoted(name)}: at least two are needed, one to read and one to answer."
        )
    return names


def check_size(rows: int, columns: int) -> None:
    """Raises Fault when a table has more rows or cells than memory should hold."""
    if rows > MAX_ROWS:
        raise TableError(f"has more than {MAX_ROWS:,} rows: take some out.")
    if rows * columns > MAX_CELLS:
        raise TableError(f"has more than {MAX_CELLS:,} cells in its {columns:,} columns: take columns or rows out.")


def make_table(columns: tuple[str, ...], rows: list[dict[str, str]]) -> Table:
    """The finished table; raises Fault when it has no rows."""
    if not rows:
        raise TableError("has a header but no rows: choose a file with rows beneath the header.")
    return Table(columns, rows)
