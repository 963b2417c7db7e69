"""Writes rows whose columns are only known once the last row is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lamp.data.tables.checks import MAX_COLUMNS, TableError, check_size, column_names
from lamp.data.tables.left_out import left_out_note, readable_columns
from lamp.data.tables.store import GROUP_ROWS, TableWriter

_WAITING_BYTES = 16_000_000
_BATCH = 1024


class GrowingWriter:
    """Writes a converted file from rows that may lack columns, which come in the order in which they first appear.

    Rows go to one part after the other; where a column is new a part ends, and at the end the parts become one file.
    """

    def __init__(self, folder: Path, notes: Sequence[str], left_out: Mapping[str, str] | None = None) -> None:
        """left_out: columns that are no part of the table → what they hold instead of text."""
        self._folder, self._notes, self._left_out = folder, dict.fromkeys(notes), dict(left_out or {})
        self._names: dict[str, None] = {}
        self._waiting: list[Mapping[str, str]] = []
        self._waiting_bytes = 0
        self._parts: list[Path] = []
        self._writer: TableWriter | None = None

    def add(self, row: Mapping[str, str], notes: Sequence[str], left_out: Mapping[str, str]) -> None:
        """Adds one row. notes: how it was read; of equal ones the table gets one. left_out: as above, for every row.

        Raises TableError for too many rows, columns or cells.
        """
        self._notes.update(dict.fromkeys(notes))
        self._left_out = {**left_out, **self._left_out} if left_out else self._left_out
        self._waiting.append(row)
        self._waiting_bytes += sum(map(len, row.values()))
        if not row.keys() <= self._names.keys():
            self._names.update(dict.fromkeys(row))
            if len(self._names) > MAX_COLUMNS:
                column_names(self._names)
        if len(self._waiting) >= GROUP_ROWS or self._waiting_bytes >= _WAITING_BYTES:
            self._flush()

    def close(self) -> Path:
        """The converted file. Raises TableError if there are no rows, or the names cannot be columns."""
        self._flush()
        names = (name for name in self._names if name not in self._left_out)
        if self._writer is None and not self._left_out:
            raise TableError("holds no rows: choose a file with rows.")
        readable_columns(names, self._left_out)
        if self._writer is not None:
            self._end_part(self._writer)
        return self._parts[0] if len(self._parts) == 1 else self._joined()

    def _flush(self) -> None:
        """Writes the waiting rows to the part that has their columns."""
        check_size(len(self._waiting), len(self._names))
        if not self._names:
            return
        if self._writer is not None and self._writer.width < len(self._names):
            self._end_part(self._writer)
            self._writer = None
        if self._writer is None:
            self._parts.append(self._folder / f"part{len(self._parts)}.parquet")
            self._writer = TableWriter(self._parts[-1], len(self._names))
        for row in self._waiting:
            self._writer.add([row.get(name, "") for name in self._names])
        self._waiting, self._waiting_bytes = [], 0

    def _end_part(self, writer: TableWriter) -> None:
        names = ["" if name in self._left_out else name.strip() for name in self._names]
        writer.close(names, [*self._notes, *left_out_note(self._left_out)])

    def _joined(self) -> Path:
        """One file of all parts, with empty cells for the columns that a part lacks."""
        import pyarrow as pa
        from pyarrow.parquet import ParquetFile

        target = self._folder / "table.parquet"
        writer = TableWriter(target, len(self._names))
        for part in self._parts:
            with ParquetFile(part) as file:
                for batch in file.iter_batches(_BATCH):
                    missing = pa.repeat(pa.scalar("", pa.large_string()), len(batch))
                    writer.add_columns([*batch.columns, *[missing] * (len(self._names) - batch.num_columns)])
        self._end_part(writer)
        return target
