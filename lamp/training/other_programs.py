"""Measures how much of the processor other programs use: a time measured meanwhile is too long."""

from __future__ import annotations

import os
import time

import psutil


class OtherPrograms:
    """Measures the processor time that other programs use from now on; this process and its ended children do not
    count."""

    def __init__(self) -> None:
        self._began, self._others = time.perf_counter(), _others()

    def share(self) -> float:
        """Returns the share of all cores that other programs used, between 0 and 1."""
        elapsed = time.perf_counter() - self._began
        return min(1.0, max(0.0, (_others() - self._others) / elapsed / (os.cpu_count() or 1)))


def _others() -> float:
    """Returns the seconds of processor time that all other programs have used."""
    every = psutil.cpu_times()._asdict()
    # The host's user time already includes that of guests.
    busy = sum(seconds for kind, seconds in every.items() if kind not in {"idle", "iowait", "guest", "guest_nice"})
    own: float = sum(psutil.Process().cpu_times()[:4])  # its own and its ended children's, each of user and system
    return float(busy - own)
