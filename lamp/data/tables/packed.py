"""Files that are packed with gzip or zstd."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from lamp.data.tables.checks import TableError, check_unpacked

PACKINGS = {".gz": "gzip", ".zst": "zstd"}
"""Ending → what packs so."""
_SIGNATURES = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd"}
_CHUNK = 8_000_000


def unpack(source: Path, packing: str, folder: Path) -> Path:
    """The file inside, in `folder`. packing: one of PACKINGS. Raises TableError."""
    import pyarrow as pa

    with source.open("rb") as file:
        if not file.read(4).startswith(_SIGNATURES[packing]):
            raise TableError(
                f"is not packed with {PACKINGS[packing]}, whatever its ending {packing} says: take that ending off."
            )
    target, size = folder / "unpacked", 0
    try:
        with (
            gzip.open(source) if packing == ".gz" else pa.input_stream(source, compression="zstd") as stream,
            target.open("wb") as copy,
        ):
            while chunk := stream.read(_CHUNK):
                size += copy.write(chunk)
                check_unpacked(size)
    except (EOFError, OSError, zlib.error, pa.ArrowException):
        raise TableError(f"is damaged or cut off inside its {PACKINGS[packing]}: pack it again.") from None
    return target
