"""Writes a stream of rows as a Parquet file of text columns, with one column for conversations if there are any."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lamp.data.tables.chat_rows import CONVERSATIONS, conversation_of
from lamp.data.tables.checks import MAX_CELLS
from lamp.errors import DataError

_BATCH = 1000
"""Number of rows that are converted and written at a time."""
_INDEX = re.compile(r"__index_level_\d+__")
"""Matches names of columns with pandas' row numbers."""


def write_text_columns(
    stream: Any, file: Path, most_rows: int, most_bytes: int, on_rows: Callable[[int, int], None]
) -> tuple[int, bool, tuple[str, ...]]:
    """Writes the first rows of a stream of the datasets library, a batch at a time.

    most_bytes: of text; a batch that would make it more is left out, unless it is the first one; on_rows: called after
    each batch with the number of rows and the bytes of text so far. Returns how many rows there are, whether those were
    all, and the names of the columns that were left out because they hold no text. Raises DataError when there are no
    rows.
    """
    import pyarrow as pa
    from pyarrow import parquet

    labels = {name: feature.names for name, feature in (stream.features or {}).items() if hasattr(feature, "int2str")}
    writer, schema, left_out = None, pa.schema([]), dict[str, None]()
    rows, size, whole = 0, 0, True
    try:
        for batch in stream.take(most_rows + 1).with_format("arrow").iter(_BATCH):
            limit = min(most_rows, MAX_CELLS // max(1, len(schema)))
            part = batch.slice(0, max(0, limit - rows))
            whole = len(part) == len(batch)
            if not len(part):
                break
            part, conversations = _conversations(part)
            texts, others = _texts(part, labels)
            left_out.update(dict.fromkeys(others))
            columns = conversations | texts
            more = sum(column.nbytes for column in columns.values())
            if rows and size + more > most_bytes:
                whole = False
                break
            if writer is None:
                schema = pa.schema([(name, column.type) for name, column in columns.items()])
                writer = parquet.ParquetWriter(file, schema)
            arrays = [columns.get(column.name, pa.nulls(len(part), column.type)) for column in schema]
            writer.write_table(pa.table(arrays, schema=schema))
            rows += len(part)
            size += more
            on_rows(rows, size)
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        raise DataError("This part of the data set has no rows: choose another split.")
    return rows, whole, tuple(left_out)


def _conversations(batch: Any) -> tuple[Any, dict[str, Any]]:
    """Returns an Arrow table without the columns of its conversations, and these as one column that reading a file
    knows.

    A row without a conversation, among rows with one, has no messages.
    """
    import pyarrow as pa

    nested = [field.name for field in batch.schema if field.name in CONVERSATIONS and pa.types.is_nested(field.type)]
    found = [conversation_of(row) for row in batch.select(nested).to_pylist()] if nested else []
    taken = {name for _, names in found for name in names}
    if not any(messages for messages, _ in found):
        return batch, {}
    listed = [[{"role": role, "content": text} for role, text in messages or ()] for messages, _ in found]
    message = pa.struct([("role", pa.large_string()), ("content", pa.large_string())])
    return batch.drop_columns(list(taken)), {"messages": pa.array(listed, pa.list_(message))}


def _texts(batch: Any, labels: dict[str, list[str]]) -> tuple[dict[str, Any], list[str]]:
    """Returns the columns of an Arrow table as text, and the names of columns that contain something else."""
    import pyarrow as pa

    while any(pa.types.is_struct(field.type) for field in batch.schema):
        batch = batch.flatten()
    texts, others = {}, []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if _INDEX.fullmatch(name):
            continue
        if name in labels:
            names = labels[name]
            cells = [
                names[index] if index is not None and 0 <= index < len(names) else None for index in column.to_pylist()
            ]
            texts[name] = pa.array(cells, pa.large_string())
        elif _holds_lists_of_texts(column.type):  # as the answers of SQuAD
            cells = [None if cell is None else "\n".join(filter(None, cell)) for cell in column.to_pylist()]
            texts[name] = pa.array(cells, pa.large_string())
        elif any(
            is_no_text(column.type)
            for is_no_text in (
                pa.types.is_nested,
                pa.types.is_binary,
                pa.types.is_large_binary,
                pa.types.is_fixed_size_binary,
            )
        ):
            others.append(name)
        elif pa.types.is_duration(column.type):  # reading the file makes text of it
            texts[name] = column
        else:
            texts[name] = column.cast(pa.large_string())
    return texts, others


def _holds_lists_of_texts(kind: Any) -> bool:
    import pyarrow as pa

    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return False
    return bool(pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type))
