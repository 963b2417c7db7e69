"""Checks the disk space before an export, and reports how much of it has been written."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from lamp.errors import DataError


def check_space(target: Path, needed: int) -> None:
    """Raises DataError if the disk has fewer bytes free; `target` need not exist yet."""
    there = next(folder for folder in target.absolute().parents if folder.is_dir())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise DataError(
            f"The export needs {needed / 1e9:,.1f} GB, and the disk of {there} has {free / 1e9:,.1f} GB left: free "
            "some space or choose another disk."
        )


@contextmanager
def watched(folder: Path, expected: int, on_share: Callable[[float], None]) -> Iterator[None]:
    """Reports every second which share of the expected bytes is in a folder, while the block writes there."""
    done = Event()

    def watch() -> None:
        while not done.wait(1.0):
            written = sum(file.stat().st_size for file in folder.glob("*") if file.is_file())
            on_share(min(1.0, written / max(1, expected)))

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
