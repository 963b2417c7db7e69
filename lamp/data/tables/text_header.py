"""Where the table in a CSV or TSV begins: comments, titles and lines of dashes around the names of the columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from lamp.data.tables.dialects import Dialect, Header, Reading, first_records, lines
from lamp.data.tables.drawn import RULE_CELL
from lamp.data.tables.layout import (
    FIRST,
    NO_HEADER,
    UNNAMED,
    is_a_row,
    is_upper_header,
    names_columns,
    titles_above,
    titles_note,
)
from lamp.data.tables.store import open_table
from lamp.data.tables.text_file import TextFile

_FIRST_RECORDS = 11
"""Records at the beginning of a file among which titles are looked for."""
_MOST_COMMENTS = 100
_SAMPLE_ROWS = 1000
_IMPORT_ID = re.compile(r'\{"ImportId":.*\}')
_QUALTRICS = "The two lines beneath the names of the columns, as Qualtrics writes them, are no rows."
_RULED = "The line of dashes beneath the names of the columns is no part of the table."


def lines_above(text: TextFile, delimiters: Sequence[str], skipped: int) -> list[tuple[str, int]]:
    """(text, lines) of what stands above the header, after the skipped lines: comments, or titles of a single cell."""
    dialects = [Dialect(delimiter) for delimiter in delimiters]
    return _comments(text.path, dialects, skipped) or _titles(text.path, dialects, skipped)


def _comments(path: Path, dialects: Sequence[Dialect], skipped: int) -> list[tuple[str, int]]:
    """Lines that begin with #, up to one that has as many cells as the line below them: `#text,label`, or a row."""
    with path.open(encoding="utf-8", newline="") as file:
        head = list(islice(lines(file, skipped), _MOST_COMMENTS))
    count = next((index for index, line in enumerate(head) if line.strip() and not line.startswith("#")), 0)
    records = [first_records(path, dialect, skipped + count, 1) for dialect in dialects if count]
    if not any(record and names_columns(record[0][0]) for record in records):
        for dialect, record in zip(dialects, records, strict=False):
            widths = [line.count(dialect.delimiter) + 1 for line in head[:count]] if record else []
            if record and len(record[0][0]) > 1 and len(record[0][0]) in widths:
                count = min(count, widths.index(len(record[0][0])))
    return [(line.strip(), 1) for line in head[:count]]


def _titles(path: Path, dialects: Sequence[Dialect], skipped: int) -> list[tuple[str, int]]:
    """Titles; none where a delimiter splits the first line."""
    readings = [first_records(path, dialect, skipped, _FIRST_RECORDS) for dialect in dialects]
    if any(records and sum(map(bool, map(str.strip, records[0][0]))) > 1 for records in readings):
        return []
    for records in readings:
        if count := titles_above([cells for cells, _ in records]):
            ends = [skipped, *(end for _, end in records)]
            titles = [next(filter(None, map(str.strip, cells))) for cells, _ in records[:count]]
            return [(title, ends[index + 1] - ends[index]) for index, title in enumerate(titles)]
    return []


def corrected(text: TextFile, reading: Reading, *, first_is_filled: bool) -> tuple[Header, str] | None:
    """Another header for a reading, and a note of it; None where the header is right as it is.

    A header may be a row itself. Dashes beneath it are no row, nor are the questions and ids of a Qualtrics survey;
    names in a second line take the place of groups of columns above them; a first column without a name, as pandas
    writes row numbers, gets one if it is filled.
    """
    header = reading.header
    if _is_a_row(reading):
        return header.as_row(), NO_HEADER
    below = first_records(text.path, reading.dialect, header.lines, 2)
    if len(below) == 2 and all(map(_IMPORT_ID.fullmatch, below[1][0])):
        return replace(header, lines=below[1][1]), _QUALTRICS
    if below and all(map(RULE_CELL.fullmatch, below[0][0])):
        return replace(header, lines=below[0][1]), _RULED
    if below and is_upper_header(header.cells, below[0][0]):
        title = next(filter(None, map(str.strip, header.cells)))
        return Header(tuple(below[0][0]), header.skipped, below[0][1]), titles_note([title])
    if first_is_filled and not header.cells[0].strip() and FIRST not in header.cells:
        return replace(header, cells=(FIRST, *header.cells[1:])), UNNAMED
    return None


def _is_a_row(reading: Reading) -> bool:
    """Whether the header of a reading seems to be its first row."""
    names = [cell.strip() for cell in reading.header.cells]
    if len(set(names)) < len(names) or not all(names):
        return False
    return is_a_row(names, [list(row.values()) for row in open_table(reading.file).rows[:_SAMPLE_ROWS]])
