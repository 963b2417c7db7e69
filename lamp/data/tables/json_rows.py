"""JSON and JSON Lines: rows are objects whose values are texts, numbers, booleans, null, or lists and objects of these.

Where DuckDB cannot read them exactly, it takes a long document apart into its rows, and Python's json reads each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from lamp.data.tables.checks import TableError
from lamp.data.tables.dialects import MAX_LINE
from lamp.data.tables.dialects import lines as lines_of
from lamp.data.tables.engine import engine, literal
from lamp.data.tables.growing import GrowingWriter
from lamp.data.tables.json_duckdb import read_fast
from lamp.data.tables.json_parse import parse, parse_all, syntax_problem, text_row
from lamp.data.tables.json_shapes import rows_of
from lamp.data.tables.text_file import TextFile

_MAX_DOCUMENT = 100_000_000
"""Bytes of a document that is kept in memory as a whole."""
_BATCH = 1024


def read_json(text: TextFile, folder: Path, *, lines_meant: bool) -> Path:
    """Converts a file of JSON, in `folder`: objects in a list, one on each line or simply one after the other, or in
    another of the shapes of json_shapes.rows_of.

    lines_meant: whether its ending says that each line is a row.
    """
    lines = _is_lines(text, lines_meant=lines_meant)
    is_list = not lines and _is_list(text)
    if lines or is_list:
        fast = read_fast(text, folder, lines=lines)
        if fast is not None:
            return fast
    if lines:
        return _written(_from_lines(text), text, folder)
    if is_list or text.bytes > _MAX_DOCUMENT:
        with suppress(json.JSONDecodeError):
            return _written(_numbered(_taken_apart(text, folder)), text, folder)
    if text.bytes > _MAX_DOCUMENT:
        raise TableError("has a mistake in its JSON: save it as JSON Lines, where the line of a mistake can be told.")
    rows, notes = _in_memory(text)
    return _written(_numbered(rows), replace(text, notes=(*text.notes, *notes)), folder)


def _written(rows: Iterable[tuple[str, Any]], text: TextFile, folder: Path) -> Path:
    """Converts (place for error sentences, parsed value) pairs."""
    writer = GrowingWriter(folder, text.notes)
    for where, item in rows:
        writer.add(*text_row(item, where))
    return writer.close()


def _is_lines(text: TextFile, *, lines_meant: bool) -> bool:
    """Whether the first line is a whole object and, where lines are not meant, not the only one."""
    if text.lines - text.blank_lines < 2 and not lines_meant:
        return False
    with text.path.open(encoding="utf-8", newline="") as file:
        for _ in range(text.blank_lines):
            file.readline()
        first = file.readline(MAX_LINE).strip()
    if not first.startswith("{"):
        return False
    try:
        parse(first)
    except json.JSONDecodeError:
        return False
    return True


def _from_lines(text: TextFile) -> Iterator[tuple[str, Any]]:
    """Yields (its place for error sentences, parsed value) of each line that is not blank."""
    with text.path.open(encoding="utf-8", newline="") as file:
        for number, line in enumerate(lines_of(file, 0), start=1):
            if line.strip():
                try:
                    yield f"line {number}", parse(line)
                except json.JSONDecodeError as error:
                    raise TableError(syntax_problem(error, number)) from None


def _is_list(text: TextFile) -> bool:
    with text.path.open(encoding="utf-8") as file:
        return file.read(MAX_LINE).lstrip().startswith("[")


def _numbered(rows: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    return ((f"row {number}", row) for number, row in enumerate(rows, start=1))


def _in_memory(text: TextFile) -> tuple[list[Any], list[str]]:
    """The rows of a document that is read as a whole, and notes on how. Raises TableError."""
    document = text.path.read_text(encoding="utf-8")
    try:
        values = parse_all(document)
    except json.JSONDecodeError as error:
        raise TableError(syntax_problem(error, error.lineno)) from None
    return rows_of(values[0][1]) if len(values) == 1 else ([value for _, value in values], [])


def _taken_apart(text: TextFile, folder: Path) -> Iterator[Any]:
    """The items of a list, or objects one after the other, a few at a time. Raises json.JSONDecodeError.

    Also for a list of lists, which must be read as a whole.
    """
    import duckdb
    import pyarrow as pa

    query = f"SELECT json::VARCHAR FROM read_json_objects({literal(text.path)}, format = 'auto')"
    with engine(text.path, folder) as connection:
        try:
            for batch in connection.sql(query).to_arrow_reader(_BATCH):
                items = list(map(parse, batch.column(0).to_pylist()))
                if isinstance(items[0], list):
                    raise json.JSONDecodeError("Lists of cells", "", 0)
                yield from items
        except (duckdb.Error, pa.ArrowException, OSError):
            raise json.JSONDecodeError("A mistake", "", 0) from None
