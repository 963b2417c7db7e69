"""Limits on the size of a table and on the names of its columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

MAX_BYTES = 6_000_000_000
"""Size of a file in bytes."""
MAX_UNPACKED = 6_000_000_000
"""Size of a compressed file after unpacking, and of a table's texts, in bytes."""
MAX_ROWS = 5_000_000
MAX_LINES = 10_000_000
"""Lines of a text file: cells may have several, but not many millions of them may be blank."""
MAX_COLUMNS = 1_000
MAX_CELLS = 50_000_000
MAX_NAME = 200
"""Characters of a column's name. A longer name nearly always means that the header is missing."""


class TableError(Exception):
    """A file is not a usable table. The message continues a sentence that begins with the file's name."""


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
    """Raises TableError if a table has too many rows or cells."""
    if rows > MAX_ROWS:
        raise TableError(f"has more than {MAX_ROWS:,} rows: take some out.")
    if rows * columns > MAX_CELLS:
        raise TableError(f"has more than {MAX_CELLS:,} cells in its {columns:,} columns: take columns or rows out.")


def check_unpacked(size: int) -> None:
    """Raises TableError if a file unpacks to more than MAX_UNPACKED bytes."""
    if size > MAX_UNPACKED:
        raise TableError(f"unpacks to more than {MAX_UNPACKED / 1e6:,.0f} MB: take rows or columns out of it.")
