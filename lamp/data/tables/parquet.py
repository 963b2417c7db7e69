"""Parquet. The footer is checked before any data is unpacked."""

from __future__ import annotations

from typing import Any, BinaryIO

from lamp.data.tables.checks import (
    MAX_COLUMNS,
    MAX_UNPACKED,
    Table,
    TableError,
    check_size,
    column_names,
    make_table,
    quoted,
)
from lamp.errors import first_line


def read_parquet(source: BinaryIO) -> Table:
    """The table in an open Parquet file without nested columns; Arrow casts its values to text."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(source) as file:
            names = _check_footer(file.metadata, file.schema_arrow)
        # With dictionaries a repeated text is in memory once, however often a small file repeats a long text.
        texts = [field.name for field in file.schema_arrow if not pa.types.is_dictionary(field.type)]
        with parquet.ParquetFile(source, read_dictionary=texts) as file:
            table = file.read()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = first_line(error).split(". ")[0]
        raise TableError(f"is a Parquet file that cannot be read ({quoted(reason)}): save it again.") from None
    columns: list[list[str]] = []
    unpacked = 0
    for name, column in zip(names, table.columns, strict=True):
        columns.append([text for chunk in column.chunks for text in _texts(chunk, name)])
        unpacked += sum(map(len, columns[-1]))
        _check_unpacked(unpacked)
    return make_table(names, [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)])


def _check_footer(metadata: Any, schema: Any) -> tuple[str, ...]:
    """The column names; raises TableError if the table is too large or has nested columns."""
    import pyarrow as pa

    if metadata.num_columns > MAX_COLUMNS:
        column_names(str(number) for number in range(metadata.num_columns))
    check_size(metadata.num_rows, metadata.num_columns)
    _check_unpacked(sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups)))
    for field in schema:
        kind = getattr(field.type, "storage_type", field.type)
        if pa.types.is_nested(kind):
            raise TableError(
                f"has lists or objects in column {quoted(field.name)}: "
                "turn them into one text each, or take the column out."
            )
    return column_names(schema.names)


def _check_unpacked(size: int) -> None:
    """Raises TableError for more than MAX_UNPACKED bytes or characters."""
    if size > MAX_UNPACKED:
        raise TableError(f"unpacks to more than {MAX_UNPACKED / 1e6:,.0f} MB: take rows or columns out of it.")


def _texts(array: Any, name: str) -> list[str]:
    """The text cells of one Arrow array. name: its column, for the error sentence."""
    import pyarrow as pa

    array = getattr(array, "storage", array)
    if pa.types.is_dictionary(array.type):
        values = _texts(array.dictionary, name)
        return ["" if index is None else values[index] for index in array.indices.to_pylist()]
    try:
        cells = array.cast(pa.large_string()).to_pylist()
    except (pa.ArrowException, ValueError):
        raise TableError(
            f"has a column {quoted(name)} of {array.type} values, which are no text: "
            "turn them into text, or take the column out."
        ) from None
    missing = (None, "nan") if pa.types.is_floating(array.type) else (None,)
    return ["" if cell in missing else cell for cell in cells]
