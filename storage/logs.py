"""Logs of runs: two files of limited size each. Reading the end takes the same time however long the log is."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path

CAP_BYTES = 5_000_000
"""Size from which a log file becomes the older part, so that a run's log takes at most about twice as much."""
_BLOCK = 65_536


def rotated(path: Path) -> Path:
    """Returns the path of the older part of a log."""
    return path.with_name(path.name + ".1")


def open_log(path: Path) -> int:
    """Opens a file descriptor that appends; the caller closes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def rotate(path: Path, descriptors: tuple[int, ...], cap_bytes: int = CAP_BYTES) -> None:
    """Starts a new file under `path` if the old one is too long, and redirects `descriptors` to it."""
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
    """Returns the last lines, from at most the last 64 KiB; also from the older part if the newer one is short."""
    text = _end(path, _BLOCK)
    if text.count("\n") <= lines and len(text) < _BLOCK:
        text = _end(rotated(path), _BLOCK - len(text)) + text
    return "\n".join(text.splitlines()[-lines:])


def find(path: Path, words: Sequence[str], most: int) -> list[str]:
    """Returns the last `most` lines, older part included, that contain all of the words; case is ignored."""
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
