"""What people have asked for in the last minute, and the storage that is promised to work that goes on."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SECONDS = 60.0
_MOST_PEOPLE = 10_000


class Usage:
    """Shared by all people of a studio, so that two requests of one person at the same moment see each other."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._asked: OrderedDict[str, deque[float]] = OrderedDict()
        """Person → when they asked within the last minute, oldest first."""
        self._promised: dict[str, int] = {}
        """Person → bytes."""

    def count_request(self, name: str, most: int) -> float:
        """Counts a request and returns 0; or the seconds until one is free, where `most` were made in a minute."""
        now = self._clock()
        with self._lock:
            asked = self._asked.setdefault(name, deque())
            self._asked.move_to_end(name)
            while len(self._asked) > _MOST_PEOPLE:
                self._asked.popitem(last=False)
            while asked and asked[0] <= now - _SECONDS:
                asked.popleft()
            if len(asked) >= most:
                return asked[len(asked) - most] + _SECONDS - now
            asked.append(now)
            return 0.0

    @contextmanager
    def promised(self, name: str, size: int, check: Callable[[int], None]) -> Iterator[None]:
        """Keeps room of `size` bytes for a person, so that nothing else of theirs takes it meanwhile.

        check: called with all bytes that are promised then; raises where that is too much.
        """
        with self._lock:
            check(self._promised.get(name, 0) + size)
            self._promised[name] = self._promised.get(name, 0) + size
        try:
            yield
        finally:
            with self._lock:
                self._promised[name] -= size
                if not self._promised[name]:
                    del self._promised[name]
