"""Workbooks of Excel and OpenDocument: the first sheet with content, whose first row names the columns."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from lamp.data.tables.checks import MAX_COLUMNS, TableError, column_names, quoted
from lamp.data.tables.store import TableWriter

ENDINGS = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
_MAX_UNPACKED = 500_000_000
"""Bytes of a workbook after unpacking, all of which is in memory at once."""
_CHUNK = 1_000_000


def read_sheet(source: Path, suffix: str, folder: Path) -> Path:
    """Converts a workbook, in `folder`. Raises TableError."""
    import python_calamine

    _check_unpacked(source)
    try:
        with source.open("rb") as file, python_calamine.load_workbook(file) as workbook:
            for name in workbook.sheet_names:
                rows = workbook.get_sheet_by_name(name).iter_rows()
                header = next((row for row in rows if any(_text(cell).strip() for cell in row)), None)
                if header is not None:
                    notes = [f"Read from the sheet {quoted(name)}."] if len(workbook.sheet_names) > 1 else []
                    return _written([_text(cell).strip() for cell in header], rows, folder, notes)
    except python_calamine.PasswordError:
        raise TableError("is protected with a password: save it without one.") from None
    except (python_calamine.CalamineError, OSError, ValueError, zipfile.BadZipFile):
        raise TableError(
            f"is no workbook that can be read, whatever its ending {suffix} says: open it and save it again, or as CSV."
        ) from None
    raise TableError("has no sheet with content: choose a workbook with a header and rows.")


def _check_unpacked(source: Path) -> None:
    """Raises TableError if a packed workbook is too large to be in memory; what its directory says is not believed."""
    if not zipfile.is_zipfile(source):
        return
    size = 0
    with zipfile.ZipFile(source) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as part:
                while chunk := part.read(_CHUNK):
                    size += len(chunk)
                    if size > _MAX_UNPACKED:
                        raise TableError(f"unpacks to more than {_MAX_UNPACKED / 1e6:,.0f} MB: save its table as CSV.")


def _written(names: list[str], rows: Iterator[Sequence[Any]], folder: Path, notes: list[str]) -> Path:
    """Converts the rows below a header, without blank ones. Raises TableError."""
    width = max(index for index, name in enumerate(names) if name) + 1
    nameless = [index for index, name in enumerate(names[:width]) if not name]
    column_names(name for name in names[:width] if name)
    target = folder / "table.parquet"
    writer = TableWriter(target, width)
    for row in rows:
        cells = [_text(cell) for cell in row]
        if any(map(str.strip, cells)):
            for index in [*nameless, *range(width, len(cells))]:
                if cells[index].strip():
                    column_names(
                        str(number) if number != index else "" for number in range(min(len(cells), MAX_COLUMNS))
                    )
            writer.add(cells[:width])
    writer.close(names[:width], notes)
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
