"""The memory of the devices that runs train on, and the precision that is chosen there; torch is not imported."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lamp.config import Precision

_T5 = {"t5", "mt5", "umt5"}
_CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""Names in /proc/cpuinfo of the instructions that lamp.backbone.precision looks for."""
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where Linux says how much memory a container may use."""


@dataclass(frozen=True)
class Device:
    """What a run trains on."""

    is_gpu: bool
    memory_bytes: int | None
    """None where it cannot be found out."""
    has_bf16: bool

    def bytes_per_value(self, precision: Precision, model_type: str) -> int:
        """Bytes of each value in a precision, or in the one that "auto" means here (lamp.backbone.precision)."""
        if precision == "auto":
            halved = self.has_bf16 or (self.is_gpu and model_type not in _T5)
            return 2 if halved else 4
        return 4 if precision == "fp32" else 2


@cache
def smallest_device(devices: tuple[str, ...]) -> Device:
    """Returns the device with the least memory among those of the slots, any of which a run may get."""
    return min((_device(name) for name in set(devices)), key=lambda device: device.memory_bytes or sys.maxsize)


def _device(name: str) -> Device:
    """name: a GPU's id, or "" for the CPU."""
    if not name:
        return Device(False, _main_memory(), has_bf16=_cpu_multiplies_bf16(_lines("/proc/cpuinfo")))
    try:
        output = subprocess.run(
            ["nvidia-smi", f"--id={name}", "--query-gpu=memory.total,compute_cap", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout
        mebibytes, capability = output.splitlines()[0].split(",")
        return Device(True, int(mebibytes) * 2**20, has_bf16=float(capability) >= 8)
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):  # such as a part of a GPU
        return Device(True, None, has_bf16=True)


def _main_memory() -> int | None:
    """Bytes of main memory that this process may use."""
    sizes = []
    with suppress(ValueError, OSError, AttributeError):
        sizes.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    sizes += [int(line) for path in _LIMITS for line in _lines(path) if line.strip().isdigit()]
    return min(sizes, default=None)


def _cpu_multiplies_bf16(cpuinfo: Iterable[str]) -> bool:
    flags = (line.partition(":")[2].split() for line in cpuinfo if line.lower().startswith(("flags", "features")))
    return bool(_CPU_FLAGS & set(next(flags, ())))


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
