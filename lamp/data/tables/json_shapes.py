"""The shapes in which one JSON document holds a table."""

from __future__ import annotations

from typing import Any

from lamp.data.tables.chat_rows import CONVERSATIONS, plain_row
from lamp.data.tables.checks import TableError, quoted
from lamp.data.tables.layout import NO_NAMES, names_columns, numbered

_ROWS = ("data", "rows")
_NOT_ROWS = 'does not hold a list of rows: write it as [{"text": "...", "label": "..."}, ...] or {"data": [...]}.'


def rows_of(document: Any) -> tuple[list[Any], list[str]]:
    """The rows in a parsed document, and notes on how they were read; raises TableError for none of the usual shapes.

    A list of objects or of lists; such a list under one name of an object; an object of columns, as lists or as objects
    by row; an object of rows by their numbers or ids; a list of lists beside the names of their columns; or one row
    alone.
    """
    if isinstance(document, list):
        return _from_lists(document) if _is_list_of(document, list) else (document, [])
    if not isinstance(document, dict):
        raise TableError(_NOT_ROWS)
    for name in _ROWS:
        if "columns" not in document and _is_list_of(document.get(name), list):
            return _from_lists(document[name])
    for rows in (_split(document), _listed(document), _columns(document), _numbered(document), _by_id(document)):
        if rows is not None:
            return rows, []
    if document and not any(isinstance(value, (dict, list)) for value in plain_row(document).values()):
        return [document], []
    raise TableError(_NOT_ROWS)


def _from_lists(rows: list[list[Any]]) -> tuple[list[Any], list[str]]:
    """Rows that are lists of cells. The first one names the columns where it holds a usual name of one."""
    named = names_columns(rows[0])
    width = len(rows[0])
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            raise TableError(f"has {len(row)} cells in row {number} where the first one has {width}: correct that row.")
    names = [str(name) for name in rows[0]] if named else numbered(width)
    return [dict(zip(names, row, strict=True)) for row in rows[named:]], [] if named else [NO_NAMES]


def _by_id(document: dict[str, Any]) -> list[Any] | None:
    """Rows under their ids; or columns, each an object of cells by the rows' ids, which have the names of columns."""
    objects = list(document.values())
    if len(objects) < 2 or not all(isinstance(item, dict) and item for item in objects):
        return None
    inner = dict.fromkeys(name for item in objects for name in item)
    if names_columns(list(document)) or len(inner) > len(document):
        return [{"id": id, **{name: column.get(id) for name, column in document.items()}} for id in inner]
    return [{"id": id, **row} for id, row in document.items()]


def _split(document: dict[str, Any]) -> list[Any] | None:
    """Rows as lists under "data", with the columns' names under "columns", as pandas writes them."""
    names, rows = document.get("columns"), document.get("data")
    if not names or not rows or not _is_list_of(names, str) or not _is_list_of(rows, list):
        return None
    if any(len(row) != len(names) for row in rows):
        raise TableError('has a row in "data" that is longer or shorter than "columns": correct it.')
    return [dict(zip(names, row, strict=True)) for row in rows]


def _listed(document: dict[str, Any]) -> list[Any] | None:
    """A list of objects under "data" or "rows", or under the only name that has one."""
    for name in _ROWS:
        if document.get(name) == [] or _is_list_of(document.get(name), dict):
            return list(document[name])
    lists = [value for name, value in document.items() if name not in CONVERSATIONS and _is_list_of(value, dict)]
    return lists[0] if len(lists) == 1 else None


def _columns(document: dict[str, Any]) -> list[Any] | None:
    """Columns as lists of the same length, or as objects from row numbers to cells."""
    columns = list(document.values())
    if len(columns) > 1 and all(_is_list_of(column, dict) for column in columns):
        raise TableError(
            f"holds several lists of rows, {quoted(', '.join(document))}: write each of them into a file of its own."
        )
    if len(columns) > 1 and all(isinstance(column, list) and column for column in columns):
        if len({len(column) for column in columns}) > 1:
            raise TableError("has columns of different lengths: give each a value for every row, or null.")
        return [dict(zip(document, cells, strict=True)) for cells in zip(*columns, strict=True)]
    if len(columns) > 1 and all(isinstance(column, dict) and _are_numbers(column) for column in columns):
        numbers = dict.fromkeys(number for column in columns for number in column)
        return [{name: column.get(number) for name, column in document.items()} for number in numbers]
    return None


def _numbered(document: dict[str, Any]) -> list[Any] | None:
    """Rows under their numbers."""
    if _are_numbers(document) and all(isinstance(row, dict) for row in document.values()):
        return list(document.values())
    return None


def _are_numbers(names: dict[str, Any]) -> bool:
    return bool(names) and all(name.isdecimal() for name in names)


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, kind) for item in value)
