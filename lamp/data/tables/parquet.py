"""Parquet. The footer is checked first; then DuckDB casts every value to text, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamp.data.tables.checks import MAX_COLUMNS, TableError, check_size, check_unpacked, column_names, quoted
from lamp.data.tables.engine import engine, literal
from lamp.data.tables.growing import GrowingWriter
from lamp.data.tables.json_parse import LISTS_NOTE, parse, text_row
from lamp.data.tables.left_out import BINARY, left_out_note, readable_columns
from lamp.data.tables.parquet_columns import Column, columns_of, text_of
from lamp.data.tables.store import DESCRIPTION, GROUP_ROWS, NO_ROWS, description
from lamp.errors import first_line

_BATCH = 256

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def read_parquet(source: Path, folder: Path) -> Path:
    """Converts a Parquet file, in `folder`, without the columns that hold no text."""
    import duckdb
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(source) as file:
            schema, metadata = file.schema_arrow, file.metadata
        check_size(metadata.num_rows, 1)
        check_unpacked(sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups)))
        with engine(source, folder) as connection:
            places = ", ".join(f"c{index}" for index in range(len(schema)))
            rows = f"FROM read_parquet({literal(source)}, hive_partitioning = false) AS t({places})"
            return _Reader(connection, rows, folder).read(columns_of(schema), metadata.num_rows)
    except (pa.ArrowException, duckdb.Error, OSError, ValueError) as error:
        reason = first_line(error).split(". ")[0]
        raise TableError(f"is a Parquet file that cannot be read ({quoted(reason)}): save it again.") from None


class _Reader:
    """Reads one file. Its methods raise TableError, duckdb.Error."""

    def __init__(self, connection: DuckDBPyConnection, rows: str, folder: Path) -> None:
        """rows: the FROM clause."""
        self._connection, self._rows, self._folder = connection, rows, folder

    def read(self, columns: Sequence[Column], count: int) -> Path:
        """Converts the columns. count: how many rows there are."""
        if len(columns) > MAX_COLUMNS:
            column_names(column.name for column in columns)
        values = ", ".join(f"{column.value} AS v{index}" for index, column in enumerate(columns))
        kinds = [row[1] for row in self._connection.execute(f"DESCRIBE SELECT {values} {self._rows}").fetchall()]
        left_out, taken = dict[str, str](), list[tuple[Column, str]]()
        for column, kind in zip(columns, kinds, strict=True):
            holds = column.holds or (BINARY if self._is_binary(column, kind) else "")
            if holds:
                left_out[column.name] = holds
            else:
                taken.append((column, kind))
        if any(column.chat for column, _ in taken):
            return self._chat(taken, left_out)
        names = readable_columns((column.name for column, _ in taken), left_out)
        if not count:
            raise TableError(NO_ROWS)
        check_size(count, len(names))
        return self._texts(names, taken, left_out)

    def _is_binary(self, column: Column, kind: str) -> bool:
        """Whether a column has bytes that are no UTF-8."""
        if kind != "BLOB":
            return kind.startswith("BLOB")
        no_text = f"{column.value} IS NOT NULL AND try(decode({column.value})) IS NULL"
        return bool(
            self._connection.execute(f"SELECT coalesce(bool_or({no_text}), false) {self._rows}").fetchall()[0][0]
        )

    def _texts(self, names: tuple[str, ...], columns: Sequence[tuple[Column, str]], left_out: dict[str, str]) -> Path:
        """Writes the columns as text."""
        target = self._folder / "table.parquet"
        cells = [text_of(column.value, kind) for column, kind in columns]
        sizes = " + ".join(f"coalesce(sum(strlen({cell})), 0)::DOUBLE" for cell in cells)
        check_unpacked(self._connection.execute(f"SELECT {sizes} {self._rows}").fetchall()[0][0])
        texts = ", ".join(f"{cell} AS c{index}" for index, cell in enumerate(cells))
        described = description(names, [*_lists_note(columns), *left_out_note(left_out)])
        self._connection.execute(f"""
            COPY (SELECT {texts} {self._rows}) TO {literal(target)} (FORMAT parquet, ROW_GROUP_SIZE {GROUP_ROWS},
                KV_METADATA {{{literal(DESCRIPTION)}: {literal(described)}}})
        """)
        return target

    def _chat(self, columns: Sequence[tuple[Column, str]], left_out: dict[str, str]) -> Path:
        """Writes conversations, and the other columns as text, row by row."""
        names = [column.name for column, _ in columns]
        if len(set(names)) < len(names):
            column_names(names)
        writer = GrowingWriter(self._folder, _lists_note(columns), left_out)
        cells = [
            f"to_json({column.value})::VARCHAR" if column.chat else text_of(column.value, kind)
            for column, kind in columns
        ]
        texts = ", ".join(f"{cell} AS v{index}" for index, cell in enumerate(cells))
        number = 0
        for batch in self._connection.sql(f"SELECT {texts} {self._rows}").to_arrow_reader(_BATCH):
            for row in zip(*(batch.column(index).to_pylist() for index in range(len(columns))), strict=True):
                number += 1
                item = {column.name: _value(column, cell) for (column, _), cell in zip(columns, row, strict=True)}
                writer.add(*text_row(item, f"row {number}"))
        return writer.close()


def _value(column: Column, cell: str | None) -> Any:
    return parse(cell) if column.chat and cell is not None else cell


def _lists_note(columns: Sequence[tuple[Column, str]]) -> list[str]:
    return [LISTS_NOTE] if any(kind.endswith("[]") and not column.chat for column, kind in columns) else []
