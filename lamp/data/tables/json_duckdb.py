"""JSON through DuckDB: fast, for files whose rows are all alike and whose values DuckDB cannot change.

Every row must have the same names in the same order, and no value but texts, whole numbers, true, false and null: other
numbers would not be kept as they were written.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lamp.data.tables.checks import MAX_COLUMNS, check_size, column_names
from lamp.data.tables.engine import engine, literal
from lamp.data.tables.store import DESCRIPTION, GROUP_ROWS, description
from lamp.data.tables.text_file import TextFile

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TEXT = r'"(?:[^"\\]|\\.)*"'
_PAIR = rf"\s*{_TEXT}\s*:\s*(?:{_TEXT}|0|-?[1-9][0-9]{{0,17}}|true|false|null)\s*"
_ROW = rf"\s*\{{{_PAIR}(?:,{_PAIR})*\}}\s*"
"""A regular expression for a JSON object whose values stay the same as text."""


def read_fast(text: TextFile, folder: Path, *, lines: bool) -> Path | None:
    """The converted file, in `folder`; None where another way must read the file.

    lines: whether each line is an object; else the file is a list of objects. Raises TableError.
    """
    import duckdb

    rows = f"""FROM (
        SELECT json, json_keys(json) AS names
        FROM read_json_objects({literal(text.path)}, format = {literal("newline_delimited" if lines else "array")})
    )"""
    target = folder / "fast.parquet"
    with engine(text.path, folder) as connection:
        try:
            names, count = _alike(connection, rows)
            if not names or (lines and count != text.lines - text.blank_lines):
                return None
            columns = column_names(names)
            check_size(count, len(columns))
            cells = ", ".join(f"coalesce({_value(name)}, '') AS c{index}" for index, name in enumerate(names))
            connection.execute(f"""
                COPY (SELECT {cells} {rows}) TO {literal(target)} (FORMAT parquet, ROW_GROUP_SIZE {GROUP_ROWS},
                    KV_METADATA {{{literal(DESCRIPTION)}: {literal(description(columns, text.notes))}}})
            """)
        except duckdb.IOException:
            raise
        except duckdb.Error:
            return None
    return target


def _alike(connection: DuckDBPyConnection, rows: str) -> tuple[list[str], int]:
    """The names that all rows have, and how many rows there are; no names where they differ."""
    query = f"""
        SELECT count(*), any_value(names), count(DISTINCT names),
            bool_and(regexp_full_match(json, {literal(_ROW)}, 's')) {rows}
    """
    count, names, kinds, plain = connection.execute(query).fetchall()[0]
    alike = kinds == 1 and plain and 1 < len(names) <= MAX_COLUMNS and len(set(names)) == len(names)
    return (names if alike else []), count


def _value(name: str) -> str:
    """SQL for the value of a name as text."""
    return f"json_extract_string(json, {literal('/' + name.replace('~', '~0').replace('/', '~1'))})"
