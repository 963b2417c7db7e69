"""Text files of any usual encoding, as UTF-8 without a byte order mark."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lamp.data.tables.checks import MAX_LINES, TableError, check_unpacked
from lamp.data.tables.encodings import (
    UTF_8,
    UTF_8_MARKED,
    Encoding,
    escaped_encoding,
    first_bad_byte,
    legacy_encoding,
    marked_encoding,
)
from lamp.data.tables.stand_ins import StandIn, stand_ins_in

_CHUNK = 8_000_000
_EDGE = 10
"""Bytes at both ends of a chunk: more than what is looked for has."""
_MARK = "\ufeff"
"""The byte order mark."""
_INNER_MARK = b"\n" + codecs.BOM_UTF8
"""A byte order mark at the beginning of a line, where a file was joined to another one."""
_MARKS_NOTE = "Byte order marks at the beginning of lines, as joined files have, are left out."
_TWO_QUOTED = re.compile(rb'" +"(?![",;\t|\r\n])')


@dataclass(frozen=True)
class TextFile:
    """A file of valid UTF-8 without a byte order mark or NUL."""

    path: Path
    bytes: int
    lines: int
    """Lines up to the last one that is not blank."""
    blank_lines: int
    """How many of them stand before the first one that is not blank."""
    quotes: bool
    """Whether it has a double quote."""
    quotes_in_cells: bool
    """Whether a closing double quote seems to be followed by blanks and another one, as in "this" "that"."""
    inner_marks: bool
    """Whether a byte order mark stands at the beginning of a line other than the first."""
    stand_ins: tuple[StandIn, ...]
    """What programs write in place of a cell's text, where cells seem to hold that (lamp/data/tables/stand_ins.py)."""
    notes: tuple[str, ...] = ()


def text_file(source: Path, folder: Path) -> TextFile:
    """The text in a file: the file itself where it is plain UTF-8, else a copy in `folder`.

    Raises TableError for a file that is no text, or blank, or has too many lines.
    """
    with source.open("rb") as file:
        marked = marked_encoding(file.read(4))
    place = first_bad_byte(source, marked or UTF_8)
    if place is None:
        marked = marked or escaped_encoding(source)
        notes = (f"Read as {marked.name}.",) if marked and marked is not UTF_8_MARKED else ()
        text = _counted(_converted(source, folder, marked) if marked else source, notes)
        return _counted(_without_marks(text.path, folder), (*notes, _MARKS_NOTE)) if text.inner_marks else text
    encoding = None if marked else legacy_encoding(source, place)
    if encoding is None:
        raise TableError(_broken(source, marked or UTF_8, place))
    return _counted(_converted(source, folder, encoding), (f"Read as {encoding.name}.",))


def line_ends(data: bytes) -> int:
    """How many lines end in these bytes: with CR LF, LF or CR."""
    lines = data.count(b"\n")
    return lines + data.count(b"\r") - data.count(b"\r\n") if b"\r" in data else lines


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of a file in parts, none of which ends between CR and LF."""
    kept = b""
    while chunk := file.read(_CHUNK):
        chunk = kept + chunk
        kept = b"\r" if chunk.endswith(b"\r") else b""
        yield chunk.removesuffix(kept)
    yield kept


def _counted(path: Path, notes: tuple[str, ...] = ()) -> TextFile:
    """A file of UTF-8 with its lines counted. Raises TableError."""
    size = lines = waiting = 0  # waiting: blank lines that may be the last ones
    first: int | None = None
    quotes = quotes_in_cells = inner_marks = False
    end = b""
    stand_ins = dict[StandIn, None]()
    with path.open("rb") as file:
        for chunk in _chunks(file):
            if (place := chunk.find(b"\0")) >= 0:
                raise TableError(
                    f"has a NUL byte on line {lines + waiting + line_ends(chunk[:place]) + 1}, "
                    "so it is no text file, or UTF-16 without its mark: save it again as UTF-8."
                )
            text = chunk.rstrip()
            if text:
                if first is None:
                    first = waiting + line_ends(chunk[: len(chunk) - len(chunk.lstrip())])
                lines, waiting = lines + waiting + line_ends(text), 0
            waiting += line_ends(chunk[len(text) :])
            if lines + waiting > MAX_LINES:
                raise TableError(f"has more than {MAX_LINES:,} lines: take some out.")
            if b'"' in chunk:
                quotes = True
                quotes_in_cells = quotes_in_cells or _has_two_quoted(chunk)
            for part in (end + chunk[:_EDGE], chunk):  # what is looked for may stand in two chunks
                inner_marks = inner_marks or _INNER_MARK in part
                stand_ins.update(dict.fromkeys(stand_ins_in(part)))
            size, end = size + len(chunk), chunk[-_EDGE:]
    if first is None:
        raise TableError("is empty: choose a file with a header and rows.")
    return TextFile(path, size, lines + 1, first, quotes, quotes_in_cells, inner_marks, tuple(stand_ins), notes)


def _has_two_quoted(chunk: bytes) -> bool:
    """Whether two double quotes stand inside a cell, it seems, with nothing but blanks between them."""
    return any(
        chunk[match.start() - 1 : match.start()] not in {b'"', b",", b";", b"\t", b"|", b"\r", b"\n"}
        for match in _TWO_QUOTED.finditer(chunk)
    )


def _converted(source: Path, folder: Path, encoding: Encoding) -> Path:
    """A copy of a text as UTF-8."""
    target = folder / "text"
    decoder = codecs.getincrementaldecoder(encoding.codec)()
    size = 0
    with source.open("rb") as file, target.open("wb") as copy:
        while chunk := file.read(_CHUNK):
            text = decoder.decode(chunk)
            size += copy.write((text if size else text.lstrip(_MARK)).encode())  # joined files may have two
            check_unpacked(size)
    return target


def _without_marks(source: Path, folder: Path) -> Path:
    """A copy of UTF-8 without byte order marks at the beginning of lines."""
    target = folder / "unmarked"
    begins = True
    with source.open("rb") as file, target.open("wb") as copy:
        while part := file.readline(_CHUNK):
            copy.write(part.removeprefix(codecs.BOM_UTF8) if begins else part)
            begins = part.endswith(b"\n")
    return target


def _broken(source: Path, encoding: Encoding, place: int) -> str:
    """What is wrong with a file whose byte at `place` its encoding does not allow."""
    if encoding not in (UTF_8, UTF_8_MARKED):
        return f"is broken {encoding.name} at byte {place + 1}: save it again as UTF-8."
    line, begin, size = 1, len(codecs.BOM_UTF8) if encoding is UTF_8_MARKED else 0, 0
    with source.open("rb") as file:
        while size < place:
            chunk = file.read(min(_CHUNK, place - size))
            line += chunk.count(b"\n")
            begin = size + chunk.rfind(b"\n") + 1 if b"\n" in chunk else begin
            size += len(chunk)
        byte = file.read(1)[0]
    return (
        f"is not UTF-8: line {line} has the byte 0x{byte:02X} in position "
        f"{place - begin + 1}; save it again as UTF-8 (Excel calls it CSV UTF-8)."
    )
