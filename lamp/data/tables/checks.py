"""The Table, and limits on its size and on the names of its columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_BYTES = 200_000_000
"""Size of a file in bytes."""
MAX_UNPACKED = 1_000_000_000
"""Size of a compressed file after unpacking, in bytes and in characters."""
MAX_ROWS = 1_000_000
MAX_COLUMNS = 1_000
MAX_CELLS = 10_000_000
MAX_NAME = 200
"""Characters of a column's name. A longer name nearly always means that a row stands where the header should be."""


@dataclass(frozen=True)
class Table:
    """Rows of text cells, in the file's order."""

    columns: tuple[str, ...]
    rows: Sequence[dict[str, str]]
    """Column → cell for each row. Every row has every column; a missing cell or null is ""."""


class TableError(Exception):
    """A file is not a usable table. The message goes on after the file's name: what is wrong, and what to do."""


def quoted(value: object) -> str:
    """A value from a file as quoted in an error: control characters escaped, at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def column_names(raw: Iterable[str]) -> tuple[str, ...]:
    """The names without surrounding blanks; raises TableError if they cannot be the columns of a table."""
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
    """Raises TableError if a table has too many rows or cells to be kept in memory."""
    if rows > MAX_ROWS:
        raise TableError(f"has more than {MAX_ROWS:,} rows: take some out.")
    if rows * columns > MAX_CELLS:
        raise TableError(f"has more than {MAX_CELLS:,} cells in its {columns:,} columns: take columns or rows out.")


def make_table(columns: tuple[str, ...], rows: list[dict[str, str]]) -> Table:
    """A table of these rows; raises TableError if there are none."""
    if not rows:
        raise TableError("has a header but no rows: choose a file with rows beneath the header.")
    return Table(columns, rows)
