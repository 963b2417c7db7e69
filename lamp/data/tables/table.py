"""The Table: text cells that stay in a file, and are read from it a few at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from lamp.errors import DataError

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

_BATCH_ROWS = 1024
_BATCH_BYTES = 4_000_000
"""About how much text is in memory at a time while rows are read."""


@dataclass(frozen=True)
class Table:
    """Rows of text cells, in the file's order."""

    columns: tuple[str, ...]
    rows: Sequence[dict[str, str]]
    """Column → cell for each row. Every row has every column; a missing cell or null is ""."""
    notes: tuple[str, ...] = ()
    """How the file was read, where that was no matter of course: short sentences, for people to check."""
    sheets: tuple[str, ...] = field(default=(), compare=False)
    """Names of the workbook's sheets, of which this is one; empty for other files."""

    def take(self, indices: Sequence[int]) -> Iterator[dict[str, str]]:
        """The rows at these places, which must ascend."""
        return self.rows.take(indices) if isinstance(self.rows, StoredRows) else (self.rows[i] for i in indices)

    def cells(self, column: str) -> Iterator[str]:
        """The cells of one column, row by row."""
        return self.rows.cells(column) if isinstance(self.rows, StoredRows) else (row[column] for row in self.rows)


class StoredRows(Sequence[dict[str, str]]):
    """The rows of a converted file, read when they are asked for; equal to any sequence of the same rows."""

    def __init__(self, file: Path, places: Mapping[str, str], owner: object = None) -> None:
        """places: column → its name in the file; owner: kept as long as the rows, such as a temporary folder.

        Raises DataError if the file cannot be read.
        """
        self._file, self._places, self._owner = file, dict(places), owner
        with self._open() as parquet:
            groups = [parquet.metadata.row_group(index) for index in range(parquet.num_row_groups)]
        self._starts = list(accumulate((group.num_rows for group in groups), initial=0))
        self._total: int = self._starts[-1]
        size = max(1, sum(group.total_byte_size for group in groups) // max(1, len(self)))
        self._batch = max(1, min(_BATCH_ROWS, _BATCH_BYTES // size))

    def __len__(self) -> int:
        return self._total

    def __iter__(self) -> Iterator[dict[str, str]]:
        return self.take(range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(dict.__eq__, self, other))

    @overload
    def __getitem__(self, index: int) -> dict[str, str]: ...

    @overload
    def __getitem__(self, index: slice) -> list[dict[str, str]]: ...

    def __getitem__(self, index: int | slice) -> dict[str, str] | list[dict[str, str]]:
        places = range(len(self))[index]
        if isinstance(places, int):
            return next(self.take((places,)))
        return list(self.take(places)) if places.step > 0 else list(self.take(places[::-1]))[::-1]

    def take(self, indices: Sequence[int]) -> Iterator[dict[str, str]]:
        """The rows at these places, which must ascend; only the row groups that hold them are read."""
        names = list(self._places)
        for columns in self._columns(indices, list(self._places.values())):
            for cells in zip(*columns, strict=True):
                yield dict(zip(names, cells, strict=True))

    def cells(self, column: str) -> Iterator[str]:
        """The cells of one column, without reading the others."""
        for (cells,) in self._columns(range(len(self)), [self._places[column]]):
            yield from cells

    def _columns(self, indices: Sequence[int], places: list[str]) -> Iterator[list[list[str]]]:
        """Batches of the wanted rows, as one list of cells for each of the columns at `places`."""
        wanted = iter(indices)
        index = next(wanted, None)
        with self._open() as parquet:
            for group, (start, stop) in enumerate(pairwise(self._starts)):
                if index is None:
                    return
                if index >= stop:
                    continue
                for batch in parquet.iter_batches(self._batch, row_groups=[group], columns=places):
                    rows = []
                    while index is not None and index < start + len(batch):
                        rows.append(index - start)
                        index = next(wanted, None)
                    start += len(batch)
                    if rows:
                        part = batch if len(rows) == len(batch) else batch.take(_array(rows))
                        yield [part.column(place).to_pylist() for place in places]
                    if index is None or index >= stop:
                        break

    def _open(self) -> ParquetFile:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile

        try:
            return ParquetFile(self._file)  # pages of a mapped file count as memory, up to the whole file
        except (ArrowException, OSError, ValueError):
            raise DataError("The stored table of this data set cannot be read: add its file again.") from None


def _array(rows: list[int]) -> Any:
    import pyarrow as pa

    return pa.array(rows, pa.int32())
