"""How much of the processor other programs take, without which a measured time says little."""

from __future__ import annotations

import os
import time

import psutil


class OtherPrograms:
    """What others than this process and its ended children take of the processor from now on."""

    def __init__(self) -> None:
        self._began, self._others = time.perf_counter(), _others()

    def share(self) -> float:
        """The share of all cores that they took, between 0 and 1."""
        elapsed = time.perf_counter() - self._began
        return min(1.0, max(0.0, (_others() - self._others) / elapsed / (os.cpu_count() or 1)))


def _others() -> float:
    """Seconds of processor time of all programs but this one."""
    every = psutil.cpu_times()._asdict()
    # Guests' time is counted in that of their host's programs as well.
    busy = sum(seconds for kind, seconds in every.items() if kind not in {"idle", "iowait", "guest", "guest_nice"})
    own: float = sum(psutil.Process().cpu_times()[:4])  # its own and its ended children's, each of user and system
    return float(busy - own)
