"""The peak memory use of this process so far."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import torch

_MORE = 1.01
"""Smallest factor by which a peak must grow to be reported again: most steps raise it by a page or not at all."""


class RisingPeak:
    """Reports the peak memory use whenever it has risen."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._told = device, 0.0

    def news(self) -> dict[str, float]:
        """Returns {"peak_memory": bytes}, or an empty dictionary if the peak has not risen."""
        peak = float(peak_memory(self._device))
        if peak <= _MORE * self._told:
            return {}
        self._told = peak
        return {"peak_memory": peak}


def peak_memory(device: torch.device) -> int:
    """Returns the peak in bytes: of the GPU's memory if `device` is one, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    for line in lines:  # not getrusage where this is there: a process inherits that peak from the one that started it
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
