"""A lock that every waiting thread gets in turn, which a plain lock does not promise."""

from __future__ import annotations

import threading


class FairLock:
    """A lock that a thread which has just left it does not get again before one that waits.

    A plain lock would let the engine, which takes it again within microseconds, keep everybody else waiting.
    """

    def __init__(self) -> None:
        self._next, self._lock = threading.Lock(), threading.Lock()

    def __enter__(self) -> None:
        with self._next:
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
