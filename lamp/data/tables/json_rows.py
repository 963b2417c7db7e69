"""JSON and JSON Lines: rows are objects whose values are texts, numbers, booleans or null."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from lamp.data.tables.checks import MAX_COLUMNS, Table, TableError, check_size, column_names, make_table, quoted
from lamp.data.tables.content import lines

MAX_BRACKETS = 10_000_000
"""Opening brackets of one JSON document; each can cost thirty times its size in memory."""


def read_json(text: str) -> Table:
    """The table in a list of objects, in {"data": [...]}, or in JSON Lines in a .json file."""
    try:
        document = _parse(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and text.lstrip().startswith("{"):
            return read_json_lines(text)
        raise TableError(_syntax_problem(error, error.lineno)) from None
    rows = document.get("data") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise TableError(
            'does not hold a list of rows: write it as [{"text": "...", "label": "..."}, ...] or {"data": [...]}.'
        )
    return _table((f"row {number}", row) for number, row in enumerate(rows, start=1))


def read_json_lines(text: str) -> Table:
    """The table in a text of one JSON object on each line; blank lines are skipped."""
    return _table(_parsed_lines(text))


def _parsed_lines(text: str) -> Iterator[tuple[str, Any]]:
    """Yields (its place for error sentences, parsed value) of each line."""
    for number, line in enumerate(lines(text), start=1):
        if line.strip():
            try:
                yield f"line {number}", _parse(line)
            except json.JSONDecodeError as error:
                raise TableError(_syntax_problem(error, number)) from None


def _syntax_problem(error: json.JSONDecodeError, line: int) -> str:
    """What is wrong with JSON that cannot be parsed. line: its line in the file."""
    if not error.doc[: error.pos].strip():
        return f"does not hold JSON on line {line}: correct it, or give the file the ending of what it is."
    return (
        f"has a mistake in its JSON on line {line}, column {error.colno} ({error.msg.lower()}): "
        "correct it and choose the file again."
    )


def _parse(text: str) -> Any:
    """Parsed JSON, with every number as the text that stands in the file."""
    if text.count("{") + text.count("[") > MAX_BRACKETS:
        raise TableError(f"has more than {MAX_BRACKETS:,} brackets in one piece of JSON: save the table as CSV.")
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=_constant, object_pairs_hook=_object)
    except RecursionError:
        raise TableError("is nested too deeply: write it as a list of plain objects.") from None


def _constant(name: str) -> str:
    return "" if name == "NaN" else name


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; raises TableError if it has a name twice."""
    values = dict(pairs)
    if len(values) < len(pairs):
        name = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise TableError(f"has an object with the name {quoted(name)} twice: give each value a name of its own.")
    return values


def _table(items: Iterable[tuple[str, Any]]) -> Table:
    """A table of (place for error sentences, parsed row) pairs.

    Its columns are all names of the rows, in the order in which they first appear.
    """
    names: dict[str, None] = {}
    rows: list[dict[str, str]] = []
    for where, item in items:
        if not isinstance(item, dict):
            raise TableError(f'has no object on {where}: write each row as {{"text": "...", "label": "..."}}.')
        rows.append({_check_surrogates(name, name, where): _cell(name, value, where) for name, value in item.items()})
        names.update(dict.fromkeys(item))
        check_size(len(rows), min(len(names), MAX_COLUMNS + 1))
        if len(names) > MAX_COLUMNS:
            break
    if not names:
        raise TableError("holds no rows: choose a file with rows.")
    pairs = tuple(zip(names, column_names(names), strict=True))
    return make_table(
        tuple(name for _, name in pairs), [{name: row.get(raw, "") for raw, name in pairs} for row in rows]
    )


def _cell(name: str, value: Any, where: str) -> str:
    """A JSON value as a text cell; raises TableError for a list or an object. name, where: for its sentence."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _check_surrogates(name, value, where)
    kind = "an object" if isinstance(value, dict) else "a list"
    raise TableError(f"has {kind} in column {quoted(name)} on {where}: turn it into one text, or take the column out.")


def _check_surrogates(name: str, text: str, where: str) -> str:
    """`text`; raises TableError if an escape put a lone surrogate into it, which UTF-8 cannot hold."""
    if not text.isascii() and re.search("[\ud800-\udfff]", text):
        raise TableError(
            f"has half a character (a lone surrogate) in column {quoted(name)} on {where}: take it out there."
        )
    return text
