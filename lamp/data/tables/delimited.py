"""CSV and TSV, strictly: a row that does not fit its header is named, never guessed at."""

from __future__ import annotations

import csv
import re
from typing import Any

from lamp.data.tables.checks import Table, TableError, check_size, column_names, make_table, quoted
from lamp.data.tables.content import lines

MAX_CELL = 10_000_000
"""Characters of one cell; more is nearly always a quote that was never closed."""

_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def read_delimited(text: str, suffix: str) -> Table:
    """The rows beneath a header; a .csv may also use semicolons or tabs, as its header or Excel's sep= line says."""
    if re.match(r"\s*(\[\s*)?\{\s*[\"}]", text):
        raise TableError(
            f"holds JSON, not what its ending {suffix} says: give it the ending .json, "
            "or .jsonl when each line is an object."
        )
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL))
    if suffix == ".csv":
        # Excel's own first line, which says what separates the cells; a blank one keeps the count of lines.
        told = re.match(r"sep=([,;\t|])[ \t]*(?=\r|\n)", text, re.IGNORECASE)
        return _records(text[told.end() :], told.group(1)) if told else _records(text, _delimiter(text))
    try:
        return _records(text, "\t")
    except TableError as fault:
        if '"' not in text:
            raise
        first = fault
    # Most writers of TSV never quote, so that a quotation mark is only a character.
    try:
        return _records(text, "\t", quoting=csv.QUOTE_NONE)
    except TableError:
        raise first from None


def _delimiter(text: str) -> str:
    """What separates the names of the header: commas, or else semicolons (Excel in much of Europe) or tabs."""
    for delimiter in ",;\t":
        try:
            rows = csv.reader(lines(text), delimiter=delimiter, strict=True)
            header = next((row for row in rows if any(map(str.strip, row))), [])
        except csv.Error:
            continue
        if len(header) > 1:
            return delimiter
    return ","


def _records(text: str, delimiter: str, quoting: Any = csv.QUOTE_MINIMAL) -> Table:
    """`quoting` is one of csv's QUOTE_ constants."""
    reader = csv.reader(lines(text), delimiter=delimiter, strict=True, quoting=quoting)
    header: list[str] = []
    records: list[list[str]] = []
    start = 1
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                pass
            elif not header:
                header = cells
                if len(header) == 1:
                    raise TableError(
                        f"has only one column, {quoted(header[0].strip())}: at least two are needed, one to "
                        f"read and one to answer, separated by {_NAMES[delimiter]}."
                    )
            elif len(cells) != len(header):
                raise TableError(
                    f"has {len(cells)} cells on line {start} where its header has {len(header)}: "
                    f"correct that line, with double quotes around cells that hold {_NAMES[delimiter]}."
                )
            else:
                records.append(cells)
                check_size(len(records), len(header))
            start = reader.line_num + 1
    except csv.Error as error:
        raise TableError(_quoting(str(error), start)) from None
    # Spreadsheets write columns with neither name nor cells; one with cells and no name is for column_names to refuse.
    kept = [index for index, name in enumerate(header) if name.strip() or any(row[index].strip() for row in records)]
    nameless = any(not header[index].strip() for index in kept)
    columns = column_names(header if nameless else [header[index] for index in kept])
    return make_table(columns, [dict(zip(columns, (row[index] for index in kept), strict=True)) for row in records])


def _quoting(error: str, line: int) -> str:
    if "field limit" in error:
        return (
            f"has a cell of more than {MAX_CELL:,} characters from line {line} on: "
            "look for a double quote there that is never closed."
        )
    if "end of data" in error:
        return f"has a double quote in the row from line {line} on that is never closed: close it, or double it."
    return (
        f"has text after a closing double quote in the row from line {line} on: "
        "put the whole cell in double quotes and double those inside it."
    )
