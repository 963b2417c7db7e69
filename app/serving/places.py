"""How many inputs may wait for answers at a time, of one person and of all."""

from __future__ import annotations

import threading
from collections import Counter

from lamp.errors import LampError

MOST, MOST_OF_ONE = 512, 64
"""Inputs that wait, of all people and of one of several. A request brings up to 64."""


class Busy(LampError):
    """Too much is asked at the moment; later it may be answered."""


class Places:
    """Counted together for everybody who asks, so that one person leaves room for others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, who: str, inputs: int, most: int) -> None:
        """Takes places until they are given back. most: of this person. Raises Busy."""
        with self._lock:
            own = self._taken[who]
            if own + inputs > most:
                raise Busy(f"{own} of your inputs wait already, and {most} may: ask again when some are answered.")
            if self._taken.total() + inputs > MOST:
                raise Busy(f"{self._taken.total()} inputs wait already, and {MOST} may: ask again in a moment.")
            self._taken[who] += inputs

    def give_back(self, who: str, inputs: int) -> None:
        """Frees places."""
        with self._lock:
            self._taken[who] -= inputs
            if not self._taken[who]:
                del self._taken[who]
