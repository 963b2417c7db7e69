"""Converted tables: Parquet files with one text column for each column, called c0, c1 and so on.

The names that people gave stand in the file's metadata, so that no program takes them for anything but text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lamp.data.tables.checks import TableError, check_size, check_unpacked
from lamp.data.tables.table import StoredRows, Table
from lamp.errors import DataError

DESCRIPTION = "lamp.table"
"""Key of the metadata that holds the names of the columns and the notes, as JSON."""
GROUP_ROWS = 8192
"""Rows of a row group."""
_GROUP_BYTES = 16_000_000
"""Text of a row group, about; a longer cell has a row group of its own."""
NO_ROWS = "has a header but no rows: choose a file with rows beneath the header."


def description(columns: Sequence[str], notes: Sequence[str], sheets: Sequence[str] = ()) -> str:
    """The text under DESCRIPTION. A column without a name is not part of the table. sheets: those of a workbook."""
    return json.dumps({"columns": list(columns), "notes": list(notes), "sheets": list(sheets)})


def open_table(file: Path, owner: object = None) -> Table:
    """The table in a converted file. owner: kept as long as its rows. Raises DataError if it is none."""
    from pyarrow import ArrowException
    from pyarrow.parquet import read_metadata

    try:
        described = json.loads(read_metadata(file).metadata[DESCRIPTION.encode()])
        places = {name: f"c{index}" for index, name in enumerate(described["columns"]) if name}
        sheets = tuple(described.get("sheets", ()))  # tables of earlier versions name none
        return Table(tuple(places), StoredRows(file, places, owner), tuple(described["notes"]), sheets)
    except (ArrowException, OSError, KeyError, TypeError, ValueError):
        raise DataError("The stored table of this data set cannot be read: add its file again.") from None


class TableWriter:
    """Writes a converted file row by row. Raises TableError when the table grows too large."""

    def __init__(self, file: Path, width: int) -> None:
        from pyarrow import large_string, schema
        from pyarrow.parquet import ParquetWriter

        self.rows, self.width = 0, width
        self._bytes = self._waiting_bytes = 0
        self._waiting: list[Sequence[str]] = []
        self._schema = schema([(f"c{index}", large_string()) for index in range(width)])
        self._writer = ParquetWriter(file, self._schema, use_dictionary=False)

    def add(self, cells: Sequence[str]) -> None:
        """Adds one row, which has a cell for each column."""
        self._waiting.append(cells)
        self._waiting_bytes += sum(map(len, cells))
        if len(self._waiting) >= GROUP_ROWS or self._waiting_bytes >= _GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Writes what was added so far. Raises TableError."""
        import pyarrow as pa

        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if waiting:
            self.add_columns([pa.array(cells, pa.large_string()) for cells in zip(*waiting, strict=True)])

    def add_columns(self, columns: list[Any]) -> None:
        """Writes many rows, given as an Arrow array of texts for each column. Raises TableError."""
        import pyarrow as pa

        self.rows += len(columns[0])
        check_size(self.rows, len(columns))
        self._bytes += sum(column.nbytes for column in columns)
        check_unpacked(self._bytes)
        self._writer.write_table(pa.table(columns, schema=self._schema))

    def close(self, columns: Sequence[str], notes: Sequence[str], sheets: Sequence[str] = ()) -> None:
        """Ends the file. Raises TableError if it has no rows."""
        self.flush()
        if not self.rows:
            raise TableError(NO_ROWS)
        self._writer.add_key_value_metadata({DESCRIPTION: description(columns, notes, sheets)})
        self._writer.close()


def write_named(converted: Path, target: Path) -> None:
    """Writes a converted table as an ordinary Parquet file, under the names of its columns. Raises OSError."""
    from pyarrow import large_string, schema, table
    from pyarrow.parquet import ParquetFile, ParquetWriter

    columns = json.loads(ParquetFile(converted).metadata.metadata[DESCRIPTION.encode()])["columns"]
    places = {name: f"c{index}" for index, name in enumerate(columns) if name}
    kinds = schema([(name, large_string()) for name in places])
    with ParquetFile(converted) as file, ParquetWriter(target, kinds) as writer:
        for batch in file.iter_batches(GROUP_ROWS, columns=list(places.values())):
            writer.write_table(table([batch.column(place) for place in places.values()], schema=kinds))
