"""Values on their way to the database, kept on disk so that a checkpoint is never ahead of its run's curves.

A worker that is killed takes with it what it has not committed yet. Were that only in memory, a run that goes on from
a checkpoint written in between would have a hole in its curves for ever.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

Value = tuple[int, str, float]
"""(step, name, value)"""
_LONG = 262_144


class Journal:
    """One line a batch of values, handed to the operating system at once: a killed process loses none of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.left = _read(path)
        """What the worker before this one may not have committed."""
        self._file = path.open("ab", buffering=0)

    def add(self, values: Iterable[Value]) -> None:
        """Keeps values until `committed`. A full disk is passed over: the database will be asked all the same."""
        with suppress(OSError):
            self._file.write(b"\n" + json.dumps(list(values)).encode())  # a line that broke off spoils no other

    def committed(self, waiting: Iterable[Value]) -> None:
        """Forgets what the database has by now, all but `waiting`; does so only when it is worth it."""
        if self._file.tell() < _LONG:
            return
        fresh = self._path.with_suffix(".new")
        try:
            fresh.write_bytes(json.dumps(list(waiting)).encode())
            fresh.replace(self._path)
            self._file.close()
            self._file = self._path.open("ab", buffering=0)
        except OSError:
            fresh.unlink(missing_ok=True)


def _read(path: Path) -> list[Value]:
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
