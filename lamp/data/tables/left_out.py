"""Columns that cannot be read as text: they are left out of the table, and one sentence names them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lamp.data.tables.checks import TableError, column_names, quoted

LISTS_OF_OBJECTS, LISTS_OF_LISTS, BINARY = "lists of objects", "lists of lists", "binary values"
"""What such columns hold."""
_MOST_NAMED = 5


def left_out_note(left_out: Mapping[str, str]) -> list[str]:
    """A note that names the columns; none where no column is left out. left_out: column → what it holds."""
    return [f"What cannot be read as text is left out: {_named(left_out)}."] if left_out else []


def readable_columns(names: Iterable[str], left_out: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the other columns, as `column_names`. Raises TableError if they are no table without these."""
    names = tuple(names)
    if left_out and len(names) < 2:
        raise TableError(
            f"has fewer than two columns of text, one to read and one to answer, besides {_named(left_out)}: "
            "turn these into texts."
        )
    return column_names(names)


def _named(left_out: Mapping[str, str]) -> str:
    named = [f"{quoted(name)} ({what})" for name, what in left_out.items()]
    more = [f"{len(named) - _MOST_NAMED:,} more"] if len(named) > _MOST_NAMED else []
    return ", ".join([*named[:_MOST_NAMED], *more])
