"""read_table: chooses the reader by the file's name and turns every problem into one sentence."""

from __future__ import annotations

from pathlib import Path

from lamp.data.tables.checks import MAX_BYTES, Table, TableError, quoted
from lamp.data.tables.content import check_signature, decode
from lamp.data.tables.delimited import read_delimited
from lamp.data.tables.json_rows import read_json, read_json_lines
from lamp.data.tables.parquet import read_parquet
from lamp.errors import DataError

FORMATS = "CSV (.csv), TSV (.tsv), JSON (.json), JSON Lines (.jsonl) or Parquet (.parquet)"


def read_table(path: Path, name: str = "") -> Table:
    """The table in a file. The suffix of `name`, or of `path` without a name, tells the format.

    Numbers, booleans (true, false) and dates become plain text; null and NaN become "". Raises DataError, whose message
    is one sentence.
    """
    name = Path(name or path).name
    try:
        return _read(path, Path(name).suffix.lower())
    except TableError as error:
        raise DataError(f"{quoted(name)} {error}") from None
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise DataError(f"{quoted(name)} cannot be opened ({reason}): choose the file again.") from None


def _read(path: Path, suffix: str) -> Table:
    if suffix not in {".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet"}:
        raise TableError(_unknown_format(suffix))
    if not path.is_file():
        raise TableError("is not there any more, or is not a file: choose it again.")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise TableError(
            f"has {size / 1e6:,.0f} MB, more than the {MAX_BYTES / 1e6:,.0f} MB that can be read: "
            "take rows or columns out of it."
        )
    if not size:
        raise TableError("is empty: choose a file with a header and rows.")
    with path.open("rb") as file:
        check_signature(file.read(4096), suffix)
        file.seek(0)
        if suffix == ".parquet":
            return read_parquet(file)
        text = decode(file.read())
    if suffix in {".csv", ".tsv"}:
        return read_delimited(text, suffix)
    return read_json(text) if suffix == ".json" else read_json_lines(text)


def _unknown_format(suffix: str) -> str:
    """What is wrong with a file whose suffix is not one of the known formats."""
    if suffix in {".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers"}:
        return f"is a spreadsheet, which cannot be read: save it as CSV, or bring {FORMATS}."
    if suffix in {".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".rar"}:
        return f"is packed: unpack it and choose the {FORMATS} file inside."
    kind = f"ends in {quoted(suffix)}" if suffix else "has no ending that tells its format"
    return f"{kind}: choose a file that is {FORMATS}."
