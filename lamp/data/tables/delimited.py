"""CSV and TSV. A row that does not fit the header is an error that names its line; nothing is guessed."""

from __future__ import annotations

import csv
import re
from typing import Any

from lamp.data.tables.checks import Table, TableError, check_size, column_names, make_table, quoted
from lamp.data.tables.content import lines

MAX_CELL = 10_000_000
"""Characters of one cell. A longer cell nearly always means that a quote was never closed."""

_DELIMITER_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def read_delimited(text: str, suffix: str) -> Table:
    """The table in a .csv or .tsv file, whose first line is the header.

    A .csv may also use semicolons or tabs: Excel's "sep=" line or the header shows which.
    """
    if re.match(r"\s*(\[\s*)?\{\s*[\"}]", text):
        raise TableError(
            f"holds JSON, not what its ending {suffix} says: give it the ending .json, "
            "or .jsonl when each line is an object."
        )
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL))
    if suffix == ".csv":
        # Excel may write a first line such as "sep=;". Its line end stays in the text, so that line numbers are right.
        sep_line = re.match(r"sep=([,;\t|])[ \t]*(?=\r|\n)", text, re.IGNORECASE)
        return _parse(text[sep_line.end() :], sep_line.group(1)) if sep_line else _parse(text, _delimiter(text))
    try:
        return _parse(text, "\t")
    except TableError as error:
        if '"' not in text:
            raise
        first_error = error
    # Most programs that write TSV never quote cells, and a quotation mark is an ordinary character to them.
    try:
        return _parse(text, "\t", quoting=csv.QUOTE_NONE)
    except TableError:
        raise first_error from None


def _delimiter(text: str) -> str:
    """The character between the header's names: a comma, else a semicolon (Excel in much of Europe), else a tab."""
    for delimiter in ",;\t":
        try:
            rows = csv.reader(lines(text), delimiter=delimiter, strict=True)
            header = next((row for row in rows if any(map(str.strip, row))), [])
        except csv.Error:
            continue
        if len(header) > 1:
            return delimiter
    return ","


def _parse(text: str, delimiter: str, quoting: Any = csv.QUOTE_MINIMAL) -> Table:
    """The table in a text. quoting: one of the csv module's QUOTE_ constants."""
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
                        f"read and one to answer, separated by {_DELIMITER_NAMES[delimiter]}."
                    )
            elif len(cells) != len(header):
                raise TableError(
                    f"has {len(cells)} cells on line {start} where its header has {len(header)}: "
                    f"correct that line, with double quotes around cells that hold {_DELIMITER_NAMES[delimiter]}."
                )
            else:
                records.append(cells)
                check_size(len(records), len(header))
            start = reader.line_num + 1
    except csv.Error as error:
        raise TableError(_csv_problem(str(error), start)) from None
    # Spreadsheets write empty columns, with neither name nor cells; these are dropped. A column with cells but no name
    # stays, and column_names raises the error for it.
    used = [index for index, name in enumerate(header) if name.strip() or any(row[index].strip() for row in records)]
    nameless = any(not header[index].strip() for index in used)
    columns = column_names(header if nameless else [header[index] for index in used])
    return make_table(columns, [dict(zip(columns, (row[index] for index in used), strict=True)) for row in records])


def _csv_problem(error: str, line: int) -> str:
    """What is wrong in the row that starts at `line`. error: the message of a csv.Error."""
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
