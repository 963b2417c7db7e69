"""One piece of JSON, with every number as it was written, and what is wrong with one that cannot be read."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from lamp.data.tables.chat_rows import CHAT_NOTE, LISTS, plain_row
from lamp.data.tables.checks import TableError, quoted
from lamp.data.tables.left_out import LISTS_OF_LISTS, LISTS_OF_OBJECTS

MAX_BRACKETS = 10_000_000
"""Opening brackets of one piece of JSON; each can cost thirty times its size in memory."""
_DEEPEST = 20
"""Levels of objects in a row."""
LISTS_NOTE = "Lists in cells are read as text, with each of their values on a line."
"""A note of tables with such cells."""
_BLANKS = " \t\n\r"
_BLANK = re.compile(r"[ \t\n\r]*")


def parse(text: str) -> Any:
    """Parsed JSON, with every number as the text in the file and NaN as "". Raises json.JSONDecodeError, TableError."""
    values = parse_all(text)
    if len(values) > 1:
        raise json.JSONDecodeError("Extra data", text, values[1][0])
    return values[0][1]


def parse_all(text: str) -> list[tuple[int, Any]]:
    """The JSON objects that stand one after the other, or the only value of another kind, each with its place.

    Raises json.JSONDecodeError, TableError.
    """
    if text.count("{") + text.count("[") > MAX_BRACKETS:
        raise TableError(f"has more than {MAX_BRACKETS:,} brackets in one piece of JSON: save the table as CSV.")
    values: list[tuple[int, Any]] = []
    place = len(text) - len(text.lstrip(_BLANKS))
    end = len(text.rstrip(_BLANKS))
    try:
        while place < end or not values:
            value, after = _DECODER.raw_decode(text, place)
            values.append((place, value))
            place = after + len(_BLANK.match(text, after)[0])  # type: ignore[index]  # it matches everywhere
            if place < end and not isinstance(value, dict):
                raise json.JSONDecodeError("Extra data", text, place)
    except RecursionError:
        raise TableError("is nested too deeply: write it as a list of plain objects.") from None
    return values


def syntax_problem(error: json.JSONDecodeError, line: int) -> str:
    """What is wrong with JSON that cannot be parsed. line: its line in the file."""
    if not error.doc[: error.pos].strip():
        return f"does not hold JSON on line {line}: correct it, or give the file the ending of what it is."
    return (
        f"has a mistake in its JSON on line {line}, column {error.colno} ({error.msg.lower()}): "
        "correct it and choose the file again."
    )


def text_row(item: Any, where: str) -> tuple[dict[str, str], list[str], dict[str, str]]:
    """A parsed row with its values as text cells, notes on how it was read, and column → what it holds instead of text.

    where: its place, for sentences. Raises TableError.
    """
    if not isinstance(item, dict):
        raise TableError(f'has no object on {where}: write each row as {{"text": "...", "label": "..."}}.')
    row = plain_row(item)
    notes = [CHAT_NOTE] if row is not item else []
    if any(isinstance(value, dict) for value in row.values()):
        row = _flat(row, where, _DEEPEST)
    if any(name in row and row[name] is None for name in LISTS):  # a row without messages, among rows that have some
        row = {name: value for name, value in row.items() if name not in LISTS or value is not None}
    lists = {name: value for name, value in row.items() if isinstance(value, list)}
    left_out = {}
    for name, value in lists.items():
        if any(isinstance(part, (list, dict)) for part in value):
            kind = LISTS_OF_LISTS if any(isinstance(part, list) for part in value) else LISTS_OF_OBJECTS
            left_out[_whole(name, name, where)] = f"{kind}, as on {where}"
    if any(value for name, value in lists.items() if name not in left_out):
        notes.append(LISTS_NOTE)
    cells = {
        _whole(name, name, where): _cell(name, value, where) for name, value in row.items() if name not in left_out
    }
    return cells, notes, left_out


def _flat(row: dict[str, Any], where: str, levels: int) -> dict[str, Any]:
    """A row whose objects, in so many levels, became columns of their own: {"a": {"b": 1}} has the column a.b."""
    if not levels:
        raise TableError(f"is nested too deeply on {where}: write each row as a plain object.")
    flat: dict[str, Any] = {}
    for name, value in row.items():
        parts = _flat(value, where, levels - 1) if isinstance(value, dict) else {"": value}
        for inner, part in parts.items():
            column = f"{name}.{inner}" if inner else name
            if column in flat:
                raise TableError(f"has the column {quoted(column)} twice on {where}: give one of them another name.")
            flat[column] = part
    return flat


def _cell(name: str, value: Any, where: str) -> str:
    """A JSON value as a text cell, a list of values with each on a line. name, where: for the sentence."""
    if isinstance(value, str):
        return _whole(name, value, where)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "\n".join(_cell(name, part, where) for part in value)


def _whole(name: str, text: str, where: str) -> str:
    """`text`; raises TableError if an escape put a lone surrogate into it, which UTF-8 cannot hold."""
    if not text.isascii() and re.search("[\ud800-\udfff]", text):
        raise TableError(
            f"has half a character (a lone surrogate) in column {quoted(name)} on {where}: take it out there."
        )
    return text


def _constant(name: str) -> str:
    return "" if name == "NaN" else name


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; raises TableError if it has a name twice."""
    values = dict(pairs)
    if len(values) < len(pairs):
        name = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise TableError(f"has an object with the name {quoted(name)} twice: give each value a name of its own.")
    return values


_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_constant, object_pairs_hook=_object)
