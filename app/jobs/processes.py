"""Identifies processes by id and start time, because systems use an id again, and ends all that a worker started."""

from __future__ import annotations

import os
import signal
import socket
import time
from functools import cache
from pathlib import Path

import psutil

from storage.jobs import Worker


def host_name() -> str:
    """The name of this machine in the database."""
    return socket.gethostname()


def identity(pid: int) -> str | None:
    """Text that differs for every process that ever has this id; None when no process has it, or a zombie.

    On Linux it is the id of the boot with the start in clock ticks since that boot: setting the clock does not change
    it, and no process has the same after a restart. Elsewhere it is the start by the wall clock.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in "ZX" else f"{_boot()}:{fields[19]}"
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return None


def this_process() -> Worker:
    """The calling process."""
    return Worker(host_name(), os.getpid(), identity(os.getpid()) or "")


def is_alive(worker: Worker) -> bool:
    """Whether that very process exists, and not a later one with its id."""
    return identity(worker.pid) == worker.process


def session_processes(worker: Worker) -> list[int]:
    """Ids of the living processes in the worker's session: itself and what it started, even after its own end."""
    current = identity(worker.pid)
    if current not in (None, worker.process) or worker.process.partition(":")[0] != _boot():
        return []  # the id belongs to another process by now
    pids = []
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == worker.pid and identity(pid) is not None:
                pids.append(pid)
        except (ProcessLookupError, PermissionError):
            continue
    return pids


def end_session(worker: Worker, number: signal.Signals, wait_seconds: float) -> bool:
    """Sends a signal to every process of the worker's session and waits. Returns whether all are gone."""
    deadline = time.monotonic() + wait_seconds
    for pid in session_processes(worker):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
    while session_processes(worker):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
