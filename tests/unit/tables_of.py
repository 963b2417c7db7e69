"""Tables that tests make without a file."""

from __future__ import annotations

from collections.abc import Sequence

from lamp.data.tables import Table


def table_of(**columns: Sequence[object]) -> Table:
    """A table of these columns, whose cells become text."""
    rows = [dict(zip(columns, map(str, cells), strict=True)) for cells in zip(*columns.values(), strict=True)]
    return Table(tuple(columns), rows)
