"""Writes files and folders so that they appear on disk completely or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """Yields a path at which the caller creates a file or a folder, which then replaces `target` in one step.

    The path is beside `target` and is called ".<name of target>-<random>". At the end of the block its content is
    flushed to disk, and it is renamed. After an error in the block it is removed, and `target` stays as it was. A
    process that is killed inside the block leaves it behind. Raises OSError, also when `target` is a folder that is not
    empty.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.parent / f".{target.name}-{uuid4().hex}"
    try:
        yield staged
        for path in (*staged.rglob("*"), staged):
            _flush(path)
        staged.replace(target)
        _flush(target.parent)
    finally:
        if staged.is_dir():
            shutil.rmtree(staged, ignore_errors=True)
        else:
            staged.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Waits until a file's content, or a folder's entries, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
