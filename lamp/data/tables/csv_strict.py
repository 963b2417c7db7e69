"""CSV through the csv module: exact about every line, and slower."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from lamp.data.tables.checks import TableError
from lamp.data.tables.dialects import MAX_CELL, Dialect, Header, Reading, lines
from lamp.data.tables.gaps import Gaps
from lamp.data.tables.stand_ins import as_text
from lamp.data.tables.store import TableWriter
from lamp.data.tables.text_file import TextFile

_PADDED = re.compile(r'\s+".*"\s*', re.DOTALL)


class Misfit(TableError):
    """A line does not fit the header, or its quotation marks are at fault."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def read_strictly(
    text: TextFile, dialect: Dialect, header: Header, target: Path, *, skip_blanks: bool = False
) -> Reading:
    """The reading under a dialect, without blank rows, written to `target`. Raises Misfit, TableError.

    skip_blanks: whether blanks after a delimiter are left out, so that a quotation mark may follow them.
    """
    width, merged, padded = len(header.cells), False, False
    gaps = Gaps()
    writer = TableWriter(target, width)
    start = header.lines + 1
    with text.path.open(encoding="utf-8", newline="") as file:
        reader = dialect.records(lines(file, header.lines), skip_blanks=skip_blanks)
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    while len(cells) > width and not cells[-1]:  # DuckDB leaves them out as well
                        cells.pop()
                    if len(cells) != width:
                        raise Misfit(
                            f"has {len(cells)} cells on line {start} where its header has {width}: "
                            f"correct that line, with double quotes around cells that hold {dialect.name}.",
                            start,
                        )
                    writer.add([as_text(cell, text.stand_ins) for cell in cells] if text.stand_ins else cells)
                    gaps.filled(cells)
                    merged = merged or header.lines + reader.line_num > start
                    padded = padded or any(_PADDED.fullmatch(cell) for cell in cells if cell[:1].isspace())
                else:
                    gaps.blank()
                start = header.lines + reader.line_num + 1
        except csv.Error as error:
            raise Misfit(_problem(str(error), start), start) from None
    writer.close([cell.strip() for cell in header.cells], [*text.notes, *gaps.notes()])
    return Reading(dialect, header, target, writer.rows, merged, padded)


def _problem(error: str, line: int) -> str:
    """What is wrong in the row that starts at `line`. error: the message of a csv.Error."""
    if "field limit" in error or "field larger" in error:
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
