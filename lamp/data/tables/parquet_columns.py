"""What becomes of the columns of a Parquet file: texts, conversations, or nothing where they hold no text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lamp.data.tables.chat_rows import CONVERSATIONS
from lamp.data.tables.engine import literal
from lamp.data.tables.left_out import LISTS_OF_LISTS, LISTS_OF_OBJECTS

_DEEPEST = 20
"""Levels of objects in a row."""


@dataclass(frozen=True)
class Column:
    """A column of the table that is made of a Parquet file."""

    name: str
    value: str
    """SQL for its value, where the file's columns are called c0, c1 and so on."""
    chat: bool = False
    """Whether it may hold the messages of conversations."""
    holds: str = ""
    """Why it is left out: what it holds instead of text; "" for one that is read."""


def columns_of(schema: Any) -> list[Column]:
    """The columns for an Arrow schema. Those of objects become columns of their own, as in JSON: `answers.text`.

    The datasets library stores labels as numbers, and their names in the schema: the names are read, as from the Hub.
    """
    labels = _label_names(schema.metadata or {})
    return [
        column
        for index, field in enumerate(schema)
        for column in (
            [Column(field.name, _label(f"c{index}", labels[field.name]))]
            if field.name in labels and str(field.type).startswith(("int", "uint"))
            else _columns(field.name, f"c{index}", field.type, 0)
        )
    ]


def text_of(value: str, kind: str) -> str:
    """SQL for a value as text, "" for null and NaN; a list has each of its values on a line. kind: its SQL type."""
    if kind.endswith("[]"):
        lines = f"list_transform({value}, lambda part: {text_of('part', kind.removesuffix('[]'))})"
        return f"coalesce(array_to_string({lines}, chr(10)), '')"
    if kind == "BLOB":
        return f"coalesce(decode({value}), '')"
    if kind in ("FLOAT", "DOUBLE"):
        return f"CASE WHEN {value} IS NULL OR isnan({value}) THEN '' ELSE {value}::VARCHAR END"
    return f"coalesce({value}::VARCHAR, '')"


def _label_names(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """Column → the names of its labels, from what the datasets library writes into a schema."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        found = {
            name: feature["names"]
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {
        name: names
        for name, names in found.items()
        if isinstance(names, list) and names and all(isinstance(label, str) for label in names)
    }


def _label(value: str, names: Sequence[str]) -> str:
    """SQL for the name of a label's number; null for a number without a name, such as -1 for no label."""
    listed = ", ".join(map(literal, names))
    return f"CASE WHEN {value} >= 0 THEN list_extract([{listed}], {value}::BIGINT + 1) END"


def _columns(name: str, value: str, kind: Any, level: int) -> Iterator[Column]:
    """The columns that one of a file becomes, or a field of its objects in so many levels."""
    import pyarrow.types as types

    kind = getattr(kind, "storage_type", kind)
    if not level and name in CONVERSATIONS and _holds_messages(kind):
        yield Column(name, value, chat=True)
    elif types.is_struct(kind) and level < _DEEPEST:
        for field in kind:
            yield from _columns(
                f"{name}.{field.name}", f"struct_extract({value}, {literal(field.name)})", field.type, level + 1
            )
    elif types.is_nested(kind):
        part = getattr(kind.value_type, "storage_type", kind.value_type) if _is_list(kind) else None
        if part is None or types.is_struct(part) or types.is_map(part):
            yield Column(name, value, holds=LISTS_OF_OBJECTS)
        else:
            yield Column(name, value, holds=LISTS_OF_LISTS if types.is_nested(part) else "")
    elif types.is_duration(kind):
        yield Column(name, _duration(value, kind.unit))
    else:
        yield Column(name, value)


def _duration(value: str, unit: str) -> str:
    """SQL for a time that passes, which DuckDB takes for a number, as hours, minutes and seconds: "25:00:03.5".

    unit: "s", "ms", "us" or "ns".
    """
    size = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    whole = f"abs({value}) // {size}"
    clock = f"printf('%02d:%02d:%02d', {whole} // 3600, {whole} // 60 % 60, {whole} % 60)"
    digits = len(str(size)) - 1
    rest = f"rtrim(rtrim(printf('.%0{digits}d', abs({value}) % {size}), '0'), '.')" if digits else "''"
    return f"CASE WHEN {value} < 0 THEN '-' ELSE '' END || {clock} || {rest}"


def _holds_messages(kind: Any) -> bool:
    """Whether a type is that of a list of messages, or of an object of lists for each part of a message."""
    import pyarrow.types as types

    kind = kind.value_type if _is_list(kind) else kind
    return bool(types.is_struct(kind)) and any(kind.get_field_index(role) >= 0 for role in ("role", "from"))


def _is_list(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))
