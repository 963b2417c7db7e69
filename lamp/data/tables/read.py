"""convert and read_table: choose the reader by the file's name and turn every problem into one sentence."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from lamp.data.tables import sheets
from lamp.data.tables.checks import MAX_BYTES, TableError, quoted
from lamp.data.tables.content import check_signature
from lamp.data.tables.delimited import read_delimited
from lamp.data.tables.json_rows import read_json
from lamp.data.tables.layout import Layout
from lamp.data.tables.packed import PACKINGS, unpack
from lamp.data.tables.parquet import read_parquet
from lamp.data.tables.store import open_table
from lamp.data.tables.table import Table
from lamp.data.tables.text_file import text_file
from lamp.errors import DataError

_TEXTS = {".csv", ".tsv", ".json", ".jsonl", ".ndjson"}
_KNOWN = {*_TEXTS, ".parquet", *sheets.ENDINGS}
ENDINGS = tuple(sorted({*_KNOWN, *PACKINGS}))
"""The last endings of all files that can be read."""
KINDS = "CSV, TSV, JSON, JSON Lines, Parquet, Excel or OpenDocument"
"""What can be read, for sentences."""
FOUND = Layout()
"""Finds out by itself where the table begins."""
FORMATS = (
    "CSV (.csv), TSV (.tsv), JSON (.json), JSON Lines (.jsonl), Parquet (.parquet) or a workbook (.xlsx, .xls, .ods)"
)


def read_table(path: Path, name: str = "", layout: Layout = FOUND) -> Table:
    """The table in a file, converted to a temporary one that is there as long as the table. Raises DataError."""
    folder = TemporaryDirectory(prefix="lamp-table-")
    target = Path(folder.name) / "table.parquet"
    convert(path, name, target, layout)
    return open_table(target, folder)


def convert(path: Path, name: str, target: Path, layout: Layout = FOUND) -> None:
    """Writes the table in a file to `target`, for open_table. The ending of `name`, or of `path` without one, tells
    the format. layout: where the table begins in a CSV, TSV or workbook.

    Numbers, booleans (true, false) and dates become plain text; null and NaN become "". Raises DataError, whose message
    is one sentence.
    """
    name = Path(name or path).name
    try:
        with TemporaryDirectory(prefix=".table-", dir=target.parent) as folder:
            shutil.move(_convert(path, name, Path(folder), layout), target)
    except TableError as error:
        raise DataError(f"{quoted(name)} {error}") from None
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise DataError(f"{quoted(name)} cannot be opened ({reason}): choose the file again.") from None


def _convert(path: Path, name: str, folder: Path, layout: Layout) -> Path:
    """The converted file, in `folder`. Raises TableError, OSError."""
    *inner, suffix = ["", *Path(name.lower()).suffixes]
    packing = ""
    if suffix in PACKINGS and inner[-1] in _TEXTS:
        packing, suffix = suffix, inner[-1]
    if suffix not in _KNOWN:
        raise TableError(_unknown_format(suffix))
    if not path.is_file():
        raise TableError("is not there any more, or is not a file: choose it again.")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise TableError(
            f"has {size / 1e6:,.0f} MB, more than the {MAX_BYTES / 1e6:,.0f} MB that can be read: "
            "take rows or columns out of it."
        )
    if size and packing:
        path = unpack(path, packing, folder)
    if not path.stat().st_size:
        raise TableError("is empty: choose a file with a header and rows.")
    if suffix in sheets.ENDINGS:
        return sheets.read_sheet(path, suffix, folder, layout)
    with path.open("rb") as file:
        check_signature(file.read(4096), suffix)
    if suffix == ".parquet":
        return read_parquet(path, folder)
    text = text_file(path, folder)
    if suffix in {".csv", ".tsv"}:
        return read_delimited(text, suffix, folder, layout)
    return read_json(text, folder, lines_meant=suffix != ".json")


def _unknown_format(suffix: str) -> str:
    """What is wrong with a file whose suffix is not one of the known formats."""
    if suffix == ".numbers":
        return f"is a spreadsheet that cannot be read: save it as CSV, or bring {FORMATS}."
    if suffix in {*PACKINGS, ".zip", ".bz2", ".xz", ".7z", ".tar", ".rar"}:
        return f"is packed: unpack it and choose the file inside, {FORMATS}."
    kind = f"ends in {quoted(suffix)}" if suffix else "has no ending that tells its format"
    return f"{kind}: choose a file that is {FORMATS}."
