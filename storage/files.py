"""Writes files so that they appear completely or not at all, and refuses names that lead out of their folder."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import UnsafeName

STAGED = ".staged-"
"""Prefix of files and folders that are still being written."""
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


def safe_name(name: str) -> str:
    """Returns `name` if it is a single plain path component. Raises UnsafeName."""
    if not is_safe_name(name):
        raise UnsafeName(f"{name[:64]!r} cannot be a file's name here: letters, digits, '-' and '_' were expected.")
    return name


def is_safe_name(name: str) -> bool:
    """Returns whether `name` is a single plain path component."""
    return _SAFE.fullmatch(name) is not None


@contextmanager
def whole(parent: Path, name: str | Callable[[], str]) -> Iterator[Path]:
    """Yields a path to write a file or a folder at, which becomes `parent / name` if the block ends without an error.

    Its content is on disk before it takes that name. A file of that name is replaced; a folder must be new or empty.
    After an error nothing is left. name: a function if the name is known only at the end of the block. Raises OSError,
    UnsafeName for a link.
    """
    parent.mkdir(parents=True, exist_ok=True)
    staged = parent / f"{STAGED}{secrets.token_hex(8)}"
    try:
        yield staged
        _flush_tree(staged)
        staged.replace(parent / (name if isinstance(name, str) else name()))
        _flush(parent)
    finally:
        remove(staged)


def _flush(path: Path) -> None:
    """Waits until a file's content, or a folder's entries, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_tree(root: Path) -> None:
    """Calls `_flush` for a file, or for a folder and everything in it. Raises UnsafeName for a link."""
    for path in (*root.rglob("*"), root):
        if path.is_symlink():
            raise UnsafeName(f"{path.name!r} is a link, and a link may lead out of its folder.")
        _flush(path)


def tree_bytes(path: Path) -> int:
    """Returns the bytes of a file, or of all files under a folder; 0 if it does not exist."""
    if path.is_file():
        return path.stat().st_size
    total = 0
    for entry in path.rglob("*"):
        try:
            total += entry.lstat().st_size if not entry.is_dir() else 0
        except FileNotFoundError:  # removed meanwhile
            continue
    return total


def remove(path: Path) -> None:
    """Removes a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def older_than_a_day(path: Path) -> bool:
    """Returns whether it was last written over a day ago: nobody can still be writing it or about to refer to it."""
    try:
        return time.time() - path.lstat().st_mtime > 24 * 3600
    except FileNotFoundError:
        return False
