"""Turns: people who want the same thing get it one after another, in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Turns:
    """A lock that is given in the order in which it was asked for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: deque[object] = deque()
        """Whose turn it is, then those who wait."""

    @contextmanager
    def turn(self, on_wait: Callable[[int], None] = lambda _: None) -> Iterator[None]:
        """Waits for a turn and holds it. on_wait: called with the number of those before, again when it changes."""
        ticket = object()
        with self._changed:
            self._line.append(ticket)
        try:
            while ahead := self._ahead(ticket):
                on_wait(ahead)
                with self._changed:
                    self._changed.wait_for(lambda said=ahead: self._line.index(ticket) < said)  # type: ignore[misc]  # a lambda's default
            yield
        finally:
            with self._changed:
                self._line.remove(ticket)
                self._changed.notify_all()

    def _ahead(self, ticket: object) -> int:
        with self._changed:
            return self._line.index(ticket)
