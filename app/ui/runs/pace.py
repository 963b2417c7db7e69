"""How often the pages of live runs ask for news: every two seconds, and less often the more of them are open."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

SHORTEST = 2.0
"""Seconds between two questions of a page that is open alone."""
_SECONDS = (SHORTEST, 4.0, 8.0, 16.0)
_MOST_A_SECOND = 4.0
"""Questions of all pages together: each takes the server a hundredth of a second, which a run on its cores lacks."""
_REMEMBERED = 32.0
"""Seconds over which questions are counted."""


class Pace:
    """Shared by all pages of one server.

    A page that asks every n seconds asks 32 / n times in 32 seconds. So the seconds that all questions of that time
    stand for, divided by 32, are the number of pages.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._asked: deque[tuple[float, float]] = deque()
        self._sum = 0.0

    def asked(self, seconds: float) -> None:
        """Counts a question of a page that asks every so many seconds."""
        with self._lock:
            self._asked.append((self._clock(), seconds))
            self._sum += seconds

    def seconds(self) -> float:
        """Between two questions of each page from now on."""
        with self._lock:
            while self._asked and self._asked[0][0] < self._clock() - _REMEMBERED:
                self._sum -= self._asked.popleft()[1]
            enough = self._sum / _REMEMBERED / _MOST_A_SECOND
        return next((seconds for seconds in _SECONDS if seconds >= enough), _SECONDS[-1])
