"""Logs of runs: two files of bounded size each, whose end is read at a cost that does not grow."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path

CAP_BYTES = 5_000_000
"""A log file that is longer becomes the older part, so that a run's log takes at most about twice as much."""
_BLOCK = 65_536


def rotated(path: Path) -> Path:
    """The older part of a log."""
    return path.with_name(path.name + ".1")


def open_log(path: Path) -> int:
    """A file descriptor that appends; the caller closes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def rotate(path: Path, descriptors: tuple[int, ...], cap_bytes: int = CAP_BYTES) -> None:
    """Begins a new file under `path` when the old one is too long, and points `descriptors` at it."""
    try:
        if path.stat().st_size <= cap_bytes:
            return
    except FileNotFoundError:
        return
    path.replace(rotated(path))
    fresh = open_log(path)
    for descriptor in descriptors:
        os.dup2(fresh, descriptor)
    os.close(fresh)


def tail(path: Path, lines: int = 20) -> str:
    """The last lines, out of at most the last 64 KiB; of the older part too when the newer one is short."""
    text = _end(path, _BLOCK)
    if text.count("\n") <= lines and len(text) < _BLOCK:
        text = _end(rotated(path), _BLOCK - len(text)) + text
    return "\n".join(text.splitlines()[-lines:])


def find(path: Path, words: Sequence[str], most: int) -> list[str]:
    """The last `most` lines, of the older part too, in which all of the words occur, in capitals or not."""
    wanted = [word.casefold() for word in words]
    found: deque[str] = deque(maxlen=most)
    for part in (rotated(path), path):
        if part.is_file():
            with part.open(encoding="utf-8", errors="replace") as lines:
                found.extend(line.rstrip("\n") for line in lines if all(word in line.casefold() for word in wanted))
    return list(found)


def _end(path: Path, size: int) -> str:
    try:
        with path.open("rb") as file:
            length = file.seek(0, os.SEEK_END)
            file.seek(max(0, length - size))
            return file.read(size).decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
