"""Metrics that may not be in the database yet, on disk, so that no checkpoint is ahead of its run's curves.

A worker that is killed loses the values in its memory that were not committed. A run that is resumed from a checkpoint
written after those values would have a gap in its curves; the resumed worker reads them from here instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from storage.files import whole
from storage.metrics import Value

_LONG_BYTES = 262_144
"""Size from which committed values are removed from the file."""


class Journal:
    """A file with one line for each batch of values, unbuffered, so that nothing is lost when the process is killed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.uncommitted = read_values(path)
        """Values that the previous worker wrote; the last of them may be missing in the database."""
        self._file = path.open("ab", buffering=0)

    def add(self, values: Iterable[Value]) -> None:
        """Appends values. A full disk raises no error here, because the database gets the values too."""
        with suppress(OSError):
            # The line end comes first, so that a line that broke off damages no other.
            self._file.write(b"\n" + json.dumps(list(values)).encode())

    def discard_committed(self, waiting: Iterable[Value]) -> None:
        """Removes all values except those in `waiting`, once the file is long."""
        if self._file.tell() < _LONG_BYTES:
            return
        with suppress(OSError):
            with whole(self._path.parent, self._path.name) as staged:
                staged.write_bytes(json.dumps(list(waiting)).encode())
            self._file.close()
            self._file = self._path.open("ab", buffering=0)


def read_values(path: Path) -> list[Value]:
    """Reads all values in a journal, without those of an incomplete line; empty if there is no journal."""
    values: list[Value] = []
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    for line in lines:
        try:
            values += [(int(step), str(name), float(value)) for step, name, value in json.loads(line)]
        except ValueError:  # the line that was being written
            continue
    return values
