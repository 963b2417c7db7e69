"""Writing files so that they are whole or not there, and never outside their root."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

from storage.errors import UnsafeName

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


def safe_name(name: str) -> str:
    """`name` itself if it is one plain part of a path. Raises UnsafeName."""
    if not _SAFE.fullmatch(name):
        raise UnsafeName(f"{name[:64]!r} cannot be a file's name here: letters, digits, '-' and '_' were expected.")
    return name


def flush(path: Path) -> None:
    """Waits until a file's content, or a folder's entries, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush_tree(folder: Path) -> None:
    """`flush` of everything in a folder and of the folder. Raises UnsafeName for a link in it."""
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise UnsafeName(f"{path.name!r} is a link, and a link may lead out of its folder.")
        flush(path)
    flush(folder)


def tree_bytes(path: Path) -> int:
    """Bytes of a file, or of all files under a folder; 0 when there is none."""
    if path.is_file():
        return path.stat().st_size
    total = 0
    for entry in path.rglob("*"):
        try:
            total += entry.lstat().st_size if not entry.is_dir() else 0
        except FileNotFoundError:  # removed while we looked
            continue
    return total


def remove(path: Path) -> None:
    """Removes a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def older_than_a_day(path: Path) -> bool:
    """Whether nobody can be writing it any more, or be about to refer to it."""
    try:
        return time.time() - path.lstat().st_mtime > 24 * 3600
    except FileNotFoundError:
        return False
