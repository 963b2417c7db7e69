"""What the first bytes of a file say about it."""

from __future__ import annotations

import re

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
    (b"version https://git-lfs", "is a pointer of Git LFS", "get the file itself, as with git lfs pull"),
)
"""(first bytes, what the file is, what to do) for formats that are often given a wrong suffix."""


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
