"""Metrics that the database may not have yet, kept on disk so that a checkpoint is never ahead of its run's curves.

A worker that is killed loses what it has in memory and has not committed. A run that is resumed from a checkpoint
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
"""From this length on, committed values are removed from the file."""


class Journal:
    """A file with one line for each batch of values, unbuffered: the death of the process loses none of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.uncommitted = read_values(path)
        """Values that the previous worker wrote; the database may not have the last of them."""
        self._file = path.open("ab", buffering=0)

    def add(self, values: Iterable[Value]) -> None:
        """Appends values. A full disk raises no error here: the database gets the values all the same."""
        with suppress(OSError):
            # The line end comes first, so that a line that broke off damages no other.
            self._file.write(b"\n" + json.dumps(list(values)).encode())

    def discard_committed(self, waiting: Iterable[Value]) -> None:
        """Removes every value but those in `waiting`, once the file is long."""
        if self._file.tell() < _LONG_BYTES:
            return
        with suppress(OSError):
            with whole(self._path.parent, self._path.name) as staged:
                staged.write_bytes(json.dumps(list(waiting)).encode())
            self._file.close()
            self._file = self._path.open("ab", buffering=0)


def read_values(path: Path) -> list[Value]:
    """All values in a journal, those of a line that broke off left out; none where there is no journal."""
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
