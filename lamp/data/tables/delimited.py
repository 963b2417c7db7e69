"""CSV and TSV: the dialect is the one under which every line of the file fits its header."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lamp.data.tables.checks import MAX_COLUMNS, TableError, check_size, column_names, quoted
from lamp.data.tables.csv_duckdb import holds_text, quoted_cells, read_fast
from lamp.data.tables.csv_strict import Misfit, read_strictly
from lamp.data.tables.dialects import (
    NAMES,
    Dialect,
    Header,
    Reading,
    header_of,
    lines,
    sep_line,
)
from lamp.data.tables.drawn import is_drawn, read_drawn
from lamp.data.tables.engine import engine
from lamp.data.tables.layout import Layout, titles_note
from lamp.data.tables.store import open_table
from lamp.data.tables.text_file import TextFile
from lamp.data.tables.text_header import corrected, lines_above

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SAMPLE_ROWS = 1000
_FIXED = re.compile(r"\S {3,}\S")
"""Blanks in a header that stand for more than one between words."""


def read_delimited(text: TextFile, suffix: str, folder: Path, layout: Layout) -> Path:
    """Converts a .csv or .tsv file; returns the converted file, in `folder`.

    A .csv may use commas, semicolons, tabs or bars: Excel's "sep=" line, or the whole file, shows which. The first line
    is the header, unless it is a title above it, or a row.
    """
    with text.path.open(encoding="utf-8") as file:
        head = file.read(4096)
    if re.match(r"\s*(\[\s*)?\{\s*[\"}]", head):
        raise TableError(
            f"holds JSON, not what its ending {suffix} says: give it the ending .json, "
            "or .jsonl when each line is an object."
        )
    if layout.header is None and is_drawn(head):
        return read_drawn(text, folder)
    text = replace(text, notes=(*text.notes, *(one.note for one in text.stand_ins)))
    skipped = text.blank_lines
    delimiters: Sequence[str] = "\t" if suffix == ".tsv" else list(NAMES)
    if suffix == ".csv" and (named := sep_line(text.path, skipped)):
        delimiters, skipped = [named], skipped + 1
    if layout.header:
        if layout.header > text.lines:
            raise TableError(f"has no line {layout.header:,} that could name its columns: it has {text.lines:,} lines.")
        skipped = layout.header - 1
    elif layout.header is None and (titles := lines_above(text, delimiters, skipped)):
        skipped += sum(lines for _, lines in titles)
        text = replace(text, notes=(*text.notes, titles_note([title for title, _ in titles])))
    candidates = _candidates(text, delimiters, skipped)
    if layout.header == 0:
        candidates = [(dialect, header.as_row()) for dialect, header in candidates]
    with engine(text.path, folder) as connection:
        reader = _Reader(connection, text, folder)
        reading = reader.best(candidates, unquoted_too=suffix == ".tsv")
        _check_one_character(reading)
        if layout.header is None:
            filled = not reading.header.cells[0].strip() and holds_text(connection, reading.file, [0])
            if another := corrected(text, reading, first_is_filled=filled):
                reading = reader.again(reading, *another, unquoted_too=suffix == ".tsv")
        check_size(reading.rows, len(reading.header.cells))
        names = [cell.strip() for cell in reading.header.cells]
        nameless = [index for index, name in enumerate(names) if not name]
        # Spreadsheets write empty columns, with neither name nor cells; these are no part of the table.
        column_names(names if holds_text(connection, reading.file, nameless) else filter(None, names))
    return reading.file


def _check_one_character(reading: Reading) -> None:
    """Raises TableError where another delimiter ends each cell but a row's last one."""
    header = reading.header.cells
    rows = [header, *(tuple(row.values()) for row in open_table(reading.file).rows[:_SAMPLE_ROWS])]
    for delimiter, name in NAMES.items():
        if all(cell.endswith(delimiter) for row in rows for cell in row[:-1]):
            raise TableError(
                f"separates its cells with two characters, {name} before {reading.dialect.name}: save it with one."
            )


def _candidates(text: TextFile, delimiters: Sequence[str], skipped: int) -> list[tuple[Dialect, Header]]:
    """The dialects under which the header has several columns. Raises TableError if there are none."""
    headers = [(dialect, header_of(text.path, dialect, skipped)) for dialect in map(Dialect, delimiters)]
    several = [(dialect, header) for dialect, header in headers if header and len(header.cells) > 1]
    if several:
        return several
    dialect, header = headers[0]
    if header is not None and _FIXED.search(header.cells[0].strip()):
        raise TableError("has its columns at fixed places in each line, it seems, not separated: save it as CSV.")
    if header is None:  # its quotation marks are at fault, and a reading says how
        return [(dialect, Header(("", ""), skipped, skipped))]
    raise TableError(
        f"has only one column, {quoted(header.cells[0].strip())}: at least two are needed, one to "
        f"read and one to answer, separated by {dialect.name}."
    )


@dataclass(frozen=True)
class _Reader:
    """Reads one text under several dialects."""

    connection: DuckDBPyConnection
    text: TextFile
    folder: Path

    def best(self, candidates: list[tuple[Dialect, Header]], *, unquoted_too: bool) -> Reading:
        """The likeliest of the readings that fit. Raises the Misfit of the dialect that fits farthest."""
        readings, misfits = [], []
        for dialect, header in candidates:
            try:
                readings.append(self._read(dialect, header, unquoted_too=unquoted_too))
            except Misfit as misfit:
                misfits.append(misfit)
        if not readings:
            raise max(misfits, key=lambda misfit: misfit.line)
        return min(readings, key=lambda reading: _foreign_cells(reading, readings))

    def again(self, reading: Reading, header: Header, note: str, *, unquoted_too: bool) -> Reading:
        """The reading under another header, with a note of it. Raises Misfit."""
        noted = replace(self, text=replace(self.text, notes=(*self.text.notes, note)))
        return noted.best([(reading.dialect, header)], unquoted_too=unquoted_too)

    def _read(self, dialect: Dialect, header: Header, *, unquoted_too: bool) -> Reading:
        """The reading under a delimiter, with the quoting that fits. Raises Misfit."""
        try:
            reading = self._fitting(dialect, header)
        except Misfit as misfit:
            if not self.text.quotes:
                raise
            if _has_escapes(self.text):
                escaped = Dialect(dialect.delimiter, escape="\\")
                header = _header(self.text, escaped, header)
                fast = read_fast(self.connection, self.text, escaped, header, self._file())
                if fast is not None:
                    return fast
            if not unquoted_too:
                raise
            unquoted = dialect.unquoted()
            try:
                return self._fitting(unquoted, _header(self.text, unquoted, header))
            except Misfit:
                raise misfit from None
        return self._unmerged(reading) if reading.merged else reading

    def _fitting(self, dialect: Dialect, header: Header) -> Reading:
        """The reading under a dialect. Raises Misfit at the first line that does not fit."""
        if len(header.cells) > MAX_COLUMNS:
            column_names(map(str, range(len(header.cells))))
        fast = read_fast(self.connection, self.text, dialect, header, self._file())
        if fast is not None:
            return fast
        exact: Reading | Misfit
        try:
            exact = read_strictly(self.text, dialect, header, self._file())
        except Misfit as misfit:
            exact = misfit
        if self.text.quotes and dialect.quote and (isinstance(exact, Misfit) or exact.padded):
            with suppress(Misfit):
                without_blanks = read_strictly(self.text, dialect, header, self._file(), skip_blanks=True)
                if not without_blanks.padded:
                    return without_blanks
        if isinstance(exact, Misfit):
            raise exact
        return exact

    def _unmerged(self, reading: Reading) -> Reading:
        """The reading without quoting, where quotation marks seem to be text; else the same.

        A quotation mark at the start of a cell swallows lines up to the next one. Where every line fits by itself, and
        no cell is plainly quoted, it is text. Raises Misfit where that cannot be told.
        """
        unquoted = reading.dialect.unquoted()
        header = _header(self.text, unquoted, reading.header)
        if any(cell.strip().startswith('"') for cell in header.cells) or len(header.cells) != len(reading.header.cells):
            return reading
        plain = read_fast(self.connection, self.text, unquoted, header, self._file())
        if plain is None:
            return reading
        whole, parts = quoted_cells(self.connection, plain)
        if parts:
            return reading
        if whole:
            line = _first_open_line(self.text)
            raise Misfit(
                f"has double quotes from line {line} on that may join several lines into one cell: "
                "double the quotes inside cells, and put each cell that has some in quotes.",
                line,
            )
        return plain

    def _file(self) -> Path:
        """A new name in the folder."""
        return self.folder / f"reading{len(list(self.folder.iterdir()))}.parquet"


def _has_escapes(text: TextFile) -> bool:
    """Whether a backslash stands before a double quote anywhere."""
    with text.path.open(encoding="utf-8", newline="") as file:
        return any('\\"' in line for line in lines(file, 0))


def _first_open_line(text: TextFile) -> int:
    """The first line whose double quotes do not pair."""
    with text.path.open(encoding="utf-8", newline="") as file:
        return next(number for number, line in enumerate(lines(file, 0), start=1) if line.count('"') % 2)


def _header(text: TextFile, dialect: Dialect, known: Header) -> Header:
    """The header under another quoting. known: the one under the usual quoting."""
    header = header_of(text.path, dialect, known.skipped) or known
    return header.as_row() if known.is_row else header


def _foreign_cells(reading: Reading, readings: Sequence[Reading]) -> int:
    """How many cells of the first rows hold the delimiter of another reading, where it is no part of prose or number.

    In prose a blank follows it, and a decimal comma stands between digits.
    """
    others = "".join(other.dialect.delimiter for other in readings if other is not reading)
    if not others:
        return 0
    foreign = re.compile(rf"(?<![0-9])[{others}](?=\S)|[{others}](?=[^\s0-9])")
    cells = [*reading.header.cells]
    for row in open_table(reading.file).rows[:_SAMPLE_ROWS]:
        cells += row.values()
    return sum(foreign.search(cell) is not None for cell in cells)
