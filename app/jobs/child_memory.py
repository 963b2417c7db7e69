"""What keeps a process of the studio from taking memory that the server and other runs need. Linux only."""

from __future__ import annotations

from pathlib import Path

import psutil

from app.jobs.slots import visible_gpus

_CGROUP = Path("/sys/fs/cgroup")
_OVERHEAD = 1_000_000_000
"""Bytes of address space that libraries reserve as data and never fill."""


def be_ended_first(*, holds_work: bool = False) -> None:
    """Has the system end this process, and what it starts, before the server when memory runs out.

    holds_work: whether it is a run's, which goes on from a checkpoint: those that hold nobody's work are ended before.
    """
    try:
        Path("/proc/self/oom_score_adj").write_text("500" if holds_work else "1000")
    except OSError:
        return


def limit_memory() -> None:
    """Limits this process to the memory that is free now, so that asking for more is an error and not its end.

    Not where there is a GPU: CUDA reserves far more addresses than it uses. Not for runs: the limit also counts weights
    that are mapped from their files, which the system can drop, so that it would refuse models that fit.
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
