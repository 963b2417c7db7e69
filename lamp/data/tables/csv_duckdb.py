"""CSV through DuckDB: fast, and believed only where every line of the file is accounted for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamp.data.tables.dialects import MAX_CELL, Dialect, Header, Reading
from lamp.data.tables.engine import literal
from lamp.data.tables.stand_ins import as_text_sql
from lamp.data.tables.store import DESCRIPTION, GROUP_ROWS, description
from lamp.data.tables.text_file import TextFile

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_BLANK = r"[\t-\r\x1c-\x20\x{85}\p{Z}]*"
"""A regular expression for what str.strip would leave nothing of."""


def read_fast(
    connection: DuckDBPyConnection, text: TextFile, dialect: Dialect, header: Header, target: Path
) -> Reading | None:
    """The reading under a dialect, written to `target`; None where any line does not fit or is not accounted for."""
    import duckdb

    if text.quotes_in_cells and dialect.quote:
        return None  # DuckDB takes both parts for one cell
    width = len(header.cells)
    try:
        connection.execute(_conversion(text, dialect, header, target))
        rows, blank, inner, padded = _one_row(connection, _counts(width, quotes=text.quotes), target)
    except duckdb.IOException:
        raise
    except duckdb.Error:
        return None
    if not rows or blank or padded or header.lines + rows + inner != text.lines:
        return None
    return Reading(dialect, header, target, rows, merged=inner > 0)


def holds_text(connection: DuckDBPyConnection, file: Path, indices: Sequence[int]) -> bool:
    """Whether any of the columns at `indices` has a cell that is not blank."""
    blank = " AND ".join(_is_blank(f"c{index}") for index in indices) or "true"
    return bool(_one_row(connection, f"SELECT coalesce(bool_or(NOT ({blank})), false)", file)[0])


def quoted_cells(connection: DuckDBPyConnection, reading: Reading) -> tuple[bool, bool]:
    """Of a reading without quoting: whether a cell stands in quotes, and whether one seems to be part of a quoted cell:
    it is a quotation mark alone, or begins with a blank in a row whose quotation marks are not balanced."""
    names = [f"c{index}" for index in range(len(reading.header.cells))]
    whole = " OR ".join(f'regexp_full_match({name}, \'"([^"]|"")*"\', \'s\')' for name in names)
    spaced = " OR ".join(f"starts_with({name}, ' ')" for name in names)
    marks = " + ".join(f"length({name}) - length(replace({name}, '\"', ''))" for name in names)
    alone = " OR ".join(f"{name} = '\"'" for name in names)
    query = f"SELECT bool_or({whole}), bool_or({alone} OR ({spaced}) AND ({marks}) % 2 = 1)"
    whole_cells, parts = _one_row(connection, query, reading.file)
    return bool(whole_cells), bool(parts)


def _one_row(connection: DuckDBPyConnection, select: str, file: Path) -> tuple[Any, ...]:
    row: tuple[Any, ...] = connection.execute(f"{select} FROM read_parquet({literal(file)})").fetchall()[0]
    return row


def _conversion(text: TextFile, dialect: Dialect, header: Header, target: Path) -> str:
    """SQL that writes what comes after the header to a converted file."""
    names = [f"c{index}" for index in range(len(header.cells))]
    columns = ", ".join(f"{name}: 'VARCHAR'" for name in names)
    texts = ", ".join(f"coalesce({as_text_sql(name, text.stand_ins)}, '') AS {name}" for name in names)
    described = description([cell.strip() for cell in header.cells], text.notes)
    return f"""
        COPY (SELECT {texts} FROM read_csv({literal(text.path)}, columns = {{{columns}}}, auto_detect = false,
            header = false, skip = {header.lines}, delim = {literal(dialect.delimiter)},
            quote = {literal(dialect.quote)}, escape = {literal(dialect.escape)}, strict_mode = true,
            max_line_size = {MAX_CELL}, buffer_size = {2 * MAX_CELL}))
        TO {literal(target)} (FORMAT parquet, ROW_GROUP_SIZE {GROUP_ROWS},
            KV_METADATA {{{literal(DESCRIPTION)}: {literal(described)}}})
    """


def _counts(width: int, *, quotes: bool) -> str:
    """SQL for the number of rows, of blank rows, of line ends in cells, and whether blanks precede a quoted cell."""
    names = [f"c{index}" for index in range(width)]
    blank = " AND ".join(_is_blank(name) for name in names)
    ends = " + ".join(f"({_line_ends(name)})" for name in names) if quotes else "0"
    padded = " OR ".join(f"regexp_matches({name}, '^\\s+\".*\"\\s*$', 's')" for name in names) if quotes else "false"
    return f"SELECT count(*), count(*) FILTER (WHERE {blank}), coalesce(sum({ends}), 0)::BIGINT, bool_or({padded})"


def _is_blank(name: str) -> str:
    return f"regexp_full_match({name}, '{_BLANK}')"


def _line_ends(name: str) -> str:
    """SQL for the number of line ends in a cell, counted as text_file.line_ends does."""
    count = f"length({name}) - length(replace({name}, {{}}, ''))"
    lf, cr, both = count.format("chr(10)"), count.format("chr(13)"), count.format("chr(13) || chr(10)")
    return (
        f"CASE WHEN contains({name}, chr(10)) OR contains({name}, chr(13)) THEN {lf} + {cr} - ({both}) // 2 ELSE 0 END"
    )
