"""Slots: how many runs this machine executes at once, and which device each of them sees."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence


def visible_gpus() -> list[str]:
    """Returns the ids of the CUDA devices that this process may use, from the driver, without importing torch."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [device.strip() for device in chosen.split(",") if device.strip() not in ("", "-1")]
    try:
        output = subprocess.run(
            ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in output.splitlines() if line.strip()]


def devices(slots: int | None) -> list[str]:
    """Returns the device of each slot, "" for the CPU; by default one slot for each GPU, or a single one on the CPU."""
    gpus = visible_gpus() or [""]
    return [gpus[slot % len(gpus)] for slot in range(slots or len(gpus))]


def environment(taken: Sequence[int], all_devices: Sequence[str]) -> dict[str, str]:
    """Returns the variables for a worker in the slots `taken`: its GPUs, or its share of the processor's cores.

    all_devices: the device of every slot, as `devices` returns them.
    """
    gpus = dict.fromkeys(all_devices[slot] for slot in taken)
    if "" not in gpus:
        return {"CUDA_VISIBLE_DEVICES": ",".join(gpus)}
    if len(all_devices) < 2 or "OMP_NUM_THREADS" in os.environ:
        return {}
    return {"OMP_NUM_THREADS": str(max(1, len(taken) * (os.cpu_count() or 1) // len(all_devices)))}
