"""How many wrong passwords are taken before the next one has to wait."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_FREE = 5
"""Wrong passwords that cost no waiting."""
_SECONDS = 60.0
_MOST = 10_000


class Attempts:
    """Wrong passwords by name and by where they come from."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def wait(self, name: str, address: str) -> float:
        """Seconds until this name may be tried again from there; 0 when it may be now."""
        with self._lock:
            count, last = self._wrong.get((name, address), (0, 0.0))
        return max(0.0, last + _SECONDS - self._clock()) if count >= _FREE else 0.0

    def wrong(self, name: str, address: str) -> None:
        """Counts a wrong password."""
        with self._lock:
            count, last = self._wrong.pop((name, address), (0, 0.0))
            old = self._clock() - last > _SECONDS
            self._wrong[name, address] = 1 if old else count + 1, self._clock()
            if len(self._wrong) > _MOST:
                self._wrong.popitem(last=False)

    def right(self, name: str, address: str) -> None:
        """Forgets the wrong ones."""
        with self._lock:
            self._wrong.pop((name, address), None)
