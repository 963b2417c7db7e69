"""What a file really contains, whatever its name says, and how its bytes become text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from lamp.data.tables.checks import TableError

_SIGNATURES = (
    (b"PK\x03\x04", "is a zip archive or an Excel workbook", "open it and save its table as CSV"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook or another Office document", "open it and save its table as CSV"),
    (b"PAR1", "is a Parquet file", "give it the ending .parquet"),
    (b"\x89PNG", "is a PNG picture", "choose a file that holds a table"),
    (b"\xff\xd8\xff", "is a JPEG picture", "choose a file that holds a table"),
    (b"GIF8", "is a GIF picture", "choose a file that holds a table"),
    (b"%PDF", "is a PDF document", "choose a file that holds a table"),
    (b"SQLite format 3\0", "is an SQLite database", "export the table as CSV"),
    (b"ARROW1", "is an Arrow or Feather file", "save the table as Parquet"),
    (b"\x1f\x8b", "is packed with gzip", "unpack it first"),
    (b"BZh", "is packed with bzip2", "unpack it first"),
    (b"\xfd7zXZ", "is packed with xz", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is packed with zstd", "unpack it first"),
)
"""First bytes of formats that files with another suffix really have, what to call them, and what to do."""


def check_signature(head: bytes, suffix: str) -> None:
    """Raises TableError if the first bytes of a file belong to another format than its suffix.

    head: the first few kilobytes, suffix: in lower case with its dot.
    """
    if suffix == ".parquet" and head.startswith(b"PAR1"):
        return
    for signature, what, advice in _SIGNATURES:
        if head.startswith(signature):
            raise TableError(f"{what}, not what its ending {suffix} says: {advice}.")
    if suffix == ".parquet":
        raise TableError(
            "is not a Parquet file, whatever its ending says: give it the ending of what it is, "
            "or save the table as Parquet again."
        )
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|\?xml)", head, re.IGNORECASE):
        raise TableError(f"is a web page or XML, not what its ending {suffix} says: download the file itself.")


def decode(data: bytes) -> str:
    """The text of UTF-8 bytes, or of UTF-16 bytes with a byte order mark; without the mark.

    Raises TableError for anything else, and for a file without content.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            text = data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise TableError(f"is broken UTF-16 at byte {error.start + 1}: save it again as UTF-8.") from None
    else:
        data = data.removeprefix(codecs.BOM_UTF8)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            line, before = data.count(b"\n", 0, error.start) + 1, data.rfind(b"\n", 0, error.start)
            raise TableError(
                f"is not UTF-8: line {line} has the byte 0x{data[error.start]:02X} in position "
                f"{error.start - before}; save it again as UTF-8 (Excel calls it CSV UTF-8)."
            ) from None
    if not text.strip():
        raise TableError("is empty: choose a file with a header and rows.")
    if (at := text.find("\0")) >= 0:
        line = text.count("\n", 0, at) + 1
        raise TableError(
            f"has a NUL byte on line {line}, so it is no text file, or UTF-16 without its mark: save it again as UTF-8."
        )
    return text


def lines(text: str) -> Iterator[str]:
    """Yields each line with its line end (CR, LF or CR LF); the text is not copied as a whole."""
    return (match.group() for match in re.finditer(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text))
