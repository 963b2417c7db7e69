"""Parquet. The footer is checked first; then DuckDB casts every value to text, in bounded memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamp.data.tables.chat_rows import CONVERSATIONS
from lamp.data.tables.checks import MAX_COLUMNS, TableError, check_size, check_unpacked, column_names, quoted
from lamp.data.tables.engine import engine, literal
from lamp.data.tables.growing import GrowingWriter
from lamp.data.tables.json_parse import parse, text_row
from lamp.data.tables.store import DESCRIPTION, GROUP_ROWS, NO_ROWS, description
from lamp.errors import first_line

_BATCH = 256

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def read_parquet(source: Path, folder: Path) -> Path:
    """Converts a Parquet file without nested columns, in `folder`."""
    import duckdb
    import pyarrow as pa
    from pyarrow import parquet

    target = folder / "table.parquet"
    try:
        with parquet.ParquetFile(source) as file:
            chat = any(field.name in CONVERSATIONS and pa.types.is_nested(field.type) for field in file.schema_arrow)
            names = () if chat else _check_footer(file.metadata, file.schema_arrow)
        with engine(source, folder) as connection:
            if chat:
                return _from_chat(connection, source, folder)
            _write(connection, source, target, names)
    except (pa.ArrowException, duckdb.Error, OSError, ValueError) as error:
        reason = first_line(error).split(". ")[0]
        raise TableError(f"is a Parquet file that cannot be read ({quoted(reason)}): save it again.") from None
    return target


def _write(connection: DuckDBPyConnection, source: Path, target: Path, names: tuple[str, ...]) -> None:
    """Writes all columns as text. Raises TableError, duckdb.Error."""
    places = [f"c{index}" for index in range(len(names))]
    rows = f"FROM read_parquet({literal(source)}, hive_partitioning = false) AS t({', '.join(places)})"
    kinds = [column[1] for column in connection.execute(f"DESCRIBE SELECT * {rows}").fetchall()]
    for name, place, kind in zip(names, places, kinds, strict=True):
        if kind == "BLOB":
            no_text = f"SELECT coalesce(bool_or({place} IS NOT NULL AND try(decode({place})) IS NULL), false) {rows}"
            if connection.execute(no_text).fetchall()[0][0]:
                raise TableError(
                    f"has a column {quoted(name)} of binary values, which are no text: "
                    "turn them into text, or take the column out."
                )
    cells = [_text_of(place, kind) for place, kind in zip(places, kinds, strict=True)]
    sizes = " + ".join(f"coalesce(sum(strlen({cell})), 0)::DOUBLE" for cell in cells)
    check_unpacked(connection.execute(f"SELECT {sizes} {rows}").fetchall()[0][0])
    texts = ", ".join(f"{cell} AS {place}" for cell, place in zip(cells, places, strict=True))
    connection.execute(f"""
        COPY (SELECT {texts} {rows}) TO {literal(target)} (FORMAT parquet, ROW_GROUP_SIZE {GROUP_ROWS},
            KV_METADATA {{{literal(DESCRIPTION)}: {literal(description(names, ()))}}})
    """)


def _from_chat(connection: DuckDBPyConnection, source: Path, folder: Path) -> Path:
    """Converts a file with conversations, row by row. Raises TableError, duckdb.Error."""
    writer = GrowingWriter(folder, ())
    query = f"SELECT to_json(row)::VARCHAR FROM read_parquet({literal(source)}, hive_partitioning = false) AS row"
    number = 0
    for batch in connection.sql(query).to_arrow_reader(_BATCH):
        for text in batch.column(0).to_pylist():
            number += 1
            writer.add(*text_row(parse(text), f"row {number}"))
    return writer.close()


def _text_of(place: str, kind: str) -> str:
    """SQL for a column's values as text, "" for null and NaN."""
    if kind == "BLOB":
        return f"coalesce(decode({place}), '')"
    if kind in ("FLOAT", "DOUBLE"):
        return f"CASE WHEN {place} IS NULL OR isnan({place}) THEN '' ELSE {place}::VARCHAR END"
    return f"coalesce({place}::VARCHAR, '')"


def _check_footer(metadata: Any, schema: Any) -> tuple[str, ...]:
    """The column names; raises TableError if the table is too large, has nested columns or no rows."""
    import pyarrow as pa

    if metadata.num_columns > MAX_COLUMNS:
        column_names(str(number) for number in range(metadata.num_columns))
    check_size(metadata.num_rows, metadata.num_columns)
    check_unpacked(sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups)))
    for field in schema:
        kind = getattr(field.type, "storage_type", field.type)
        if pa.types.is_nested(kind):
            raise TableError(
                f"has lists or objects in column {quoted(field.name)}: "
                "turn them into one text each, or take the column out."
            )
    names = column_names(schema.names)
    if not metadata.num_rows:
        raise TableError(NO_ROWS)
    return names
