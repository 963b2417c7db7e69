"""Tables of inputs for a prompt: a file in any format that data sets may have, or pasted lines."""

from __future__ import annotations

from pathlib import Path

from app.processes.conversion import convert_apart
from lamp.config import DataConfig
from lamp.data.tables import Table, open_table
from lamp.errors import DataError

MOST_ROWS = 100_000
"""The most rows that are answered in one go; a model on a processor takes a day for them."""


def pasted_table(text: str, data: DataConfig) -> Table:
    """The lines of a text as rows of the only input column. Raises DataError when there are none.

    data: the data section of the prompt's recipe.
    """
    if len(data.input_columns) != 1:
        columns = ", ".join(data.input_columns)
        raise DataError(f"This prompt reads {len(data.input_columns)} columns: give a file with the columns {columns}.")
    lines = text.strip("\n").splitlines()
    if not any(line.strip() for line in lines):
        raise DataError("Give a file, or paste a list with one input a line: there is nothing to answer.")
    return _checked(Table(data.input_columns, [{data.input_columns[0]: line} for line in lines]), "list", data)


def file_table(path: Path, name: str, converted: Path, data: DataConfig) -> Table:
    """The table of a file, which is kept at `converted`. Raises DataError when it is none, or lacks input columns.

    name: of the file as its owner knows it; data: the data section of the prompt's recipe.
    """
    convert_apart(path, name, converted)
    return _checked(open_table(converted), "file", data)


def _checked(table: Table, kind: str, data: DataConfig) -> Table:
    missing = [column for column in data.input_columns if column not in table.columns]
    if missing:
        raise DataError(
            f"The {kind} has no column {' and no '.join(map(repr, missing))}, which this prompt reads; it has "
            f"{', '.join(map(repr, table.columns[:12]))}: rename its columns."
        )
    if len(table.rows) > MOST_ROWS:
        raise DataError(
            f"The {kind} has {len(table.rows):,} rows, and at most {MOST_ROWS:,} are answered in one go: split it."
        )
    return table
