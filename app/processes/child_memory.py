"""Prevents a process of the studio from using up the memory that the server and other runs need. Linux only."""

from __future__ import annotations

from pathlib import Path

import psutil

from app.processes.slots import visible_gpus

_CGROUP = Path("/sys/fs/cgroup")
_OVERHEAD = 1_000_000_000
"""Bytes of address space that libraries reserve as data and never fill."""


def be_ended_first(*, holds_work: bool = False) -> None:
    """Makes the system end this process and its children before the server when memory runs out.

    holds_work: whether it is a run's, which can continue from a checkpoint; processes without work to lose are ended
    before those.
    """
    try:
        Path("/proc/self/oom_score_adj").write_text("500" if holds_work else "1000")
    except OSError:
        return


def limit_memory() -> None:
    """Limits this process to the memory that is free now, so that asking for more is an error and does not end it.

    Not on a machine with a GPU: CUDA reserves far more addresses than it uses. Not for runs: the limit also counts
    weights that are mapped from their files, which the system can drop, so models that fit would be refused.
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
    """Returns the available memory in bytes: of the machine, or of the container if that is less."""
    free = int(psutil.virtual_memory().available)
    try:
        most, used = ((cgroup / name).read_text().strip() for name in ("memory.max", "memory.current"))
        cached = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines()).get(
            "inactive_file", 0
        )
        return free if most == "max" else max(0, min(free, int(most) - int(used) + int(cached)))
    except (OSError, ValueError):
        return free
