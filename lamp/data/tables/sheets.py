"""Workbooks of Excel and OpenDocument: by itself the first sheet with a table, whose first row names the columns."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import chain, dropwhile, islice
from pathlib import Path
from typing import Any

from lamp.data.tables.checks import MAX_COLUMNS, TableError, column_names, quoted
from lamp.data.tables.gaps import Gaps
from lamp.data.tables.layout import (
    FIRST,
    NO_HEADER,
    UNNAMED,
    Layout,
    is_a_row,
    is_upper_header,
    numbered,
    titles_above,
    titles_note,
)
from lamp.data.tables.store import TableWriter

ENDINGS = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
_MAX_UNPACKED = 500_000_000
"""Bytes of a workbook after unpacking, all of which is in memory at once."""
_CHUNK = 1_000_000
_UNCALCULATED = re.compile(rb'<c(?![^>]{0,200}t="str")[^>]{0,200}><f[^>]{0,200}>[^<]{0,9000}</f>(<v\s?/>|<v></v>)?</c>')
"""A cell with a formula and no value."""
_UNCALCULATED_NOTE = (
    "Formulas that were never calculated are empty cells: open the workbook in a spreadsheet program and save it there."
)
_MERGED_NOTE = "A cell that spans several rows has its value in each of them."
_PROTECTED = "is protected with a password: save it without one."
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""Stands in every workbook that is protected with a password."""
_FIRST_ROWS = 1000
"""Rows from which it is told where the table begins."""


_Begun = tuple[list[str], Iterator[list[str]], list[str]]
"""The header of a sheet, the rows below it, and notes about what was found."""


def read_sheet(source: Path, suffix: str, folder: Path, layout: Layout) -> Path:
    """Converts a workbook, in `folder`. Raises TableError."""
    import python_calamine

    notes_of_all = [_UNCALCULATED_NOTE] if _check_unpacked(source) else []
    try:
        with source.open("rb") as file, python_calamine.load_workbook(file) as workbook:
            sheets = workbook.sheet_names
            if layout.sheet and layout.sheet not in sheets:
                raise TableError(f"has no sheet {quoted(layout.sheet)}: it has {quoted(', '.join(sheets))}.")
            chosen = [layout.sheet] if layout.sheet else sheets
            filled = ((name, begun) for name in chosen if (begun := _opened(workbook, name, layout)) is not None)
            if (first := next(filled, None)) is not None:
                name, (names, below, notes) = _table_of(workbook, first, filled)
                where = [f"Read from the sheet {quoted(name)}."] if len(sheets) > 1 else []
                return _written(names, below, folder, [*where, *notes, *notes_of_all], sheets)
    except python_calamine.PasswordError:
        raise TableError(_PROTECTED) from None
    except (python_calamine.CalamineError, OSError, ValueError, zipfile.BadZipFile):
        if _is_encrypted(source):
            raise TableError(_PROTECTED) from None
        raise TableError(
            f"is no workbook that can be read, whatever its ending {suffix} says: open it and save it again, or as CSV."
        ) from None
    raise TableError("has no sheet with content: choose a workbook with a header and rows.")


def _table_of(workbook: Any, first: tuple[str, _Begun], others: Iterator[tuple[str, _Begun]]) -> tuple[str, _Begun]:
    """Returns the name and the beginning of the sheet to read: the first one, unless it holds notes before a table.

    Notes are one column, of no more rows than the table.
    """
    if len(first[1][0]) > 1:
        return first
    table = next((sheet for sheet in others if len(sheet[1][0]) > 1), first)
    heights = [workbook.get_sheet_by_name(name).height for name, _ in (first, table)]
    return table if heights[0] <= heights[1] else first


def _opened(workbook: Any, name: str, layout: Layout) -> _Begun | None:
    """As `_begun`, of one sheet of a workbook."""
    sheet = workbook.get_sheet_by_name(name)
    spans = _spans(sheet)
    begun = _begun(_filled(([_text(cell) for cell in row] for row in sheet.iter_rows()), spans), layout)
    if begun is not None and spans:
        begun[2].append(_MERGED_NOTE)
    return begun


def _begun(rows: Iterator[list[str]], layout: Layout) -> _Begun | None:
    """The header of a sheet, the rows below it, and notes about what was found; None for one without content."""
    if layout.header:
        named = next(islice(rows, layout.header - 1, None), [])
        if not any(map(str.strip, named)):
            raise TableError("has no names of columns in that row: choose another one.")
        return named, rows, []
    rows = dropwhile(_is_blank, rows)
    head = list(islice(rows, _FIRST_ROWS))
    first = [row for row in head if not _is_blank(row)]
    if not first:
        return None
    notes = []
    titles = 0 if layout.header == 0 else titles_above(first)
    if titles:
        notes.append(titles_note([next(filter(None, map(str.strip, row))) for row in first[:titles]]))
    width = max(len(row) for row in first)
    wide = [[*row, *[""] * (width - len(row))] for row in first[titles:]]
    if layout.header == 0 or is_a_row(wide[0], wide[1:]):
        begin = head.index(first[titles])
        notes = [] if layout.header == 0 else [*notes, NO_HEADER]
        return [*numbered(width)], chain(head[begin:], rows), notes
    if len(wide) > 1 and is_upper_header(wide[0], wide[1]):
        notes.append(titles_note([next(filter(None, map(str.strip, wide[0])))]))
        titles += 1
    header, below = list(first[titles]), head[head.index(first[titles]) + 1 :]
    if not header[0].strip() and FIRST not in header and any(row and row[0].strip() for row in below):
        header[0] = FIRST
        notes.append(UNNAMED)
    return header, chain(below, rows), notes


def _is_blank(row: Sequence[str]) -> bool:
    return not any(map(str.strip, row))


def _spans(sheet: Any) -> dict[int, list[tuple[int, int]]]:
    """Row → (column, last row) of the merged cells of several rows that begin there; all from 0."""
    left = (sheet.start or (0, 0))[1]
    spans: dict[int, list[tuple[int, int]]] = {}
    for (top, column), (bottom, _) in sheet.merged_cell_ranges or ():
        if bottom > top and column >= left:
            spans.setdefault(top, []).append((column - left, bottom))
    return spans


def _filled(rows: Iterator[list[str]], spans: dict[int, list[tuple[int, int]]]) -> Iterator[list[str]]:
    """The rows of a sheet, with the value of a merged cell in each of its rows."""
    open_spans: dict[int, tuple[str, int]] = {}
    for number, row in enumerate(rows):
        for column, (value, last) in list(open_spans.items()):
            if number > last:
                del open_spans[column]
            elif column < len(row):
                row[column] = value
        for column, last in spans.get(number, ()):
            if column < len(row):
                open_spans[column] = row[column], last
        yield row


def _check_unpacked(source: Path) -> bool:
    """Whether a packed workbook has formulas that were never calculated.

    Raises TableError if it is too large to be in memory; what its directory says is not believed.
    """
    if not zipfile.is_zipfile(source):
        return False
    size, uncalculated = 0, False
    with zipfile.ZipFile(source) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as part:
                end = b""
                while chunk := part.read(_CHUNK):
                    size += len(chunk)
                    uncalculated = uncalculated or _UNCALCULATED.search(end + chunk) is not None
                    end = chunk[-1000:]
                    if size > _MAX_UNPACKED:
                        raise TableError(f"unpacks to more than {_MAX_UNPACKED / 1e6:,.0f} MB: save its table as CSV.")
    return uncalculated


def _is_encrypted(source: Path) -> bool:
    """Whether a file says that it is a workbook in a protected envelope."""
    with source.open("rb") as file:
        end = b""
        while chunk := file.read(_CHUNK):
            if _ENCRYPTED in end + chunk:
                return True
            end = chunk[-len(_ENCRYPTED) :]
    return False


def _written(
    header: list[str], rows: Iterator[list[str]], folder: Path, notes: list[str], sheets: Sequence[str]
) -> Path:
    """Converts the rows below a header, without blank ones. Raises TableError."""
    names = [name.strip() for name in header]
    width = max(index for index, name in enumerate(names) if name) + 1
    nameless = [index for index, name in enumerate(names[:width]) if not name]
    column_names(name for name in names[:width] if name)
    target = folder / "table.parquet"
    writer = TableWriter(target, width)
    gaps = Gaps()
    for cells in rows:
        if _is_blank(cells):
            gaps.blank()
        else:
            gaps.filled(cells)
            for index in [*nameless, *range(width, len(cells))]:
                if index < len(cells) and cells[index].strip():
                    column_names(
                        str(number) if number != index else "" for number in range(min(len(cells), MAX_COLUMNS))
                    )
            writer.add([*cells[:width], *[""] * (width - len(cells))])
    writer.close(names[:width], [*notes, *gaps.notes()], sheets)
    return target


def _text(cell: Any) -> str:
    """A cell as text, as people would write it: a whole number without a point, midnight without its time."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    if isinstance(cell, (date, datetime, time)):
        return cell.isoformat(" ") if isinstance(cell, datetime) else cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return "" if cell is None else str(cell)
