"""How a CSV or TSV file separates and quotes its cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from lamp.data.tables.checks import TableError
from lamp.data.tables.layout import numbered

MAX_CELL = 10_000_000
"""Characters of one cell. A longer cell nearly always means that a quote was never closed."""
MAX_LINE = 2 * MAX_CELL
_NO_HEADER = "has only empty cells: its first line must be a header that names the columns."
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
"""The delimiters, in the order in which they are tried, and what people call them."""


@dataclass(frozen=True)
class Dialect:
    """The delimiter, and what stands around a cell that holds it."""

    delimiter: str
    quote: str = '"'
    """"" where no cell is quoted and a quotation mark is a character like others."""
    escape: str = '"'
    """What stands before a quotation mark inside a quoted cell."""

    @property
    def name(self) -> str:
        """What people call its delimiter."""
        return NAMES[self.delimiter]

    def unquoted(self) -> Dialect:
        """The same without quoting."""
        return replace(self, quote="", escape="")

    def records(self, lines: Iterator[str], *, skip_blanks: bool = False) -> Any:
        """A csv.reader, strict: any text after a closing quote is an error. skip_blanks: those after a delimiter."""
        csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL))
        if not self.quote:
            return csv.reader(lines, delimiter=self.delimiter, strict=True, quoting=csv.QUOTE_NONE)
        doubled = self.escape == self.quote
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            doublequote=doubled,
            escapechar=None if doubled else self.escape,
            strict=True,
            skipinitialspace=skip_blanks,
        )


@dataclass(frozen=True)
class Header:
    """The first record of a file that is not blank."""

    cells: tuple[str, ...]
    skipped: int
    """Lines before it."""
    lines: int
    """Lines up to its end; up to its beginning where it is a row itself."""

    def as_row(self) -> Header:
        """The same record as the first row of a table without a header."""
        return Header(numbered(len(self.cells)), self.skipped, self.skipped)

    @property
    def is_row(self) -> bool:
        """Whether it was made by `as_row`."""
        return self.lines == self.skipped


@dataclass(frozen=True)
class Reading:
    """A text as it is read under one dialect, in a converted file."""

    dialect: Dialect
    header: Header
    file: Path
    rows: int
    merged: bool
    """Whether a row is made of several lines."""
    padded: bool = False
    """Whether a cell seems to be quoted behind blanks."""


def header_of(path: Path, dialect: Dialect, skipped: int) -> Header | None:
    """The header of a file; None where it cannot be read under the dialect.

    skipped: lines that are certainly not part of it. Raises TableError if all cells of the file are blank.
    """
    with path.open(encoding="utf-8", newline="") as file:
        reader = dialect.records(lines(file, skipped), skip_blanks=True)
        begin = 0
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    return Header(tuple(cells), skipped + begin, skipped + reader.line_num)
                begin = reader.line_num
        except csv.Error:
            return None
    raise TableError(_NO_HEADER)


def first_records(path: Path, dialect: Dialect, skipped: int, most: int) -> list[tuple[list[str], int]]:
    """The first records of a file that are not blank, each with the number of lines up to its end.

    They end where one cannot be read under the dialect.
    """
    records: list[tuple[list[str], int]] = []
    with path.open(encoding="utf-8", newline="") as file, suppress(csv.Error):
        reader = dialect.records(lines(file, skipped))
        for cells in reader:
            if any(cell.strip() for cell in cells):
                records.append((cells, skipped + reader.line_num))
                if len(records) == most:
                    break
    return records


def sep_line(path: Path, skipped: int) -> str:
    """The delimiter in a first line such as "sep=;", which Excel may write; "" without one.

    A program that saves such a file again quotes the line, or fills it up with its own delimiter, which then counts.
    """
    with path.open(encoding="utf-8", newline="") as file:
        match = re.fullmatch(r'"?sep=([,;\t|])"?([ ,;\t|]*)[\r\n]+', next(lines(file, skipped)), re.IGNORECASE)
    if not match:
        return ""
    filling = set(match.group(2)) - {" "}
    return filling.pop() if len(filling) == 1 else match.group(1)


def lines(file: TextIO, skipped: int) -> Iterator[str]:
    """The lines of a file opened with newline="", each with its line end (CR, LF or CR LF), after the skipped ones.

    Raises TableError for a line of more than 20 million characters.
    """
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise TableError(
                f"has more than {MAX_LINE:,} characters on line {number}: a table is meant, with a line for each row."
            )
        if number > skipped:
            yield line
