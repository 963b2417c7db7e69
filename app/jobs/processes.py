"""Telling processes apart: an id is used again, an id with its start since boot is not."""

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
    """What this machine is called in the database."""
    return socket.gethostname()


def identity(pid: int) -> str | None:
    """What no other process on this machine ever has; None when there is none, or only its remains.

    On Linux the start is counted from boot, so that setting the clock changes nothing, and the boot is named, so that
    a restart changes everything.
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
    """Whether that very process, and not a later one with its id, is there."""
    return identity(worker.pid) == worker.process


def family(worker: Worker) -> list[int]:
    """Living processes of the worker's session: itself and what it started, also when it is gone itself."""
    current = identity(worker.pid)
    if current not in (None, worker.process) or worker.process.partition(":")[0] != _boot():
        return []  # the id belongs to someone else by now
    found = []
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == worker.pid and identity(pid) is not None:
                found.append(pid)
        except (ProcessLookupError, PermissionError):
            continue
    return found


def end_family(worker: Worker, number: signal.Signals, wait_seconds: float) -> bool:
    """Sends the signal to the whole family; whether all of it is gone after `wait_seconds` at most."""
    deadline = time.monotonic() + wait_seconds
    for pid in family(worker):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
    while family(worker):
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
