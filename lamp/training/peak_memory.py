"""The most memory that this process has taken so far."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import torch

_MORE = 1.01
"""How many times the last peak the next one that is news is, at least: most steps raise it by a page or not at all."""


class RisingPeak:
    """Tells how much memory a run takes whenever that has risen."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._told = device, 0.0

    def news(self) -> dict[str, float]:
        """{"peak_memory": bytes}, or nothing when it is what it was."""
        peak = float(peak_memory(self._device))
        if peak <= _MORE * self._told:
            return {}
        self._told = peak
        return {"peak_memory": peak}


def peak_memory(device: torch.device) -> int:
    """Bytes at the peak: of the card where torch computes on one, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    for line in lines:  # not getrusage where this is there: a process inherits that peak from the one that started it
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
