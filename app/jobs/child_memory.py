"""What keeps a process that holds nobody's work from taking memory that runs and the server need. Linux only."""

from __future__ import annotations

from pathlib import Path

import psutil

from app.jobs.slots import visible_gpus

_CGROUP = Path("/sys/fs/cgroup")
_OVERHEAD = 1_000_000_000
"""Bytes of address space that libraries reserve as data and never fill."""


def be_ended_first() -> None:
    """Has the system end this process before any other one when memory runs out: it holds nobody's work."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        return


def limit_memory() -> None:
    """Limits this process to the memory that is free now, so that asking for more is an error and not its end.

    Not where there is a GPU: CUDA reserves far more addresses than it uses.
    """
    if visible_gpus():
        return
    try:
        import resource

        most = free_bytes() + _OVERHEAD
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    except (ImportError, OSError, ValueError):
        return


def free_bytes(cgroup: Path = _CGROUP) -> int:
    """Bytes that can be had without ending anything: of the machine, or of the container if that is less."""
    free = int(psutil.virtual_memory().available)
    try:
        most, used = ((cgroup / name).read_text().strip() for name in ("memory.max", "memory.current"))
        cached = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines()).get(
            "inactive_file", 0
        )
        return free if most == "max" else max(0, min(free, int(most) - int(used) + int(cached)))
    except (OSError, ValueError):
        return free
