"""Identifies processes by id and start time, because systems reuse ids, and ends all processes of a worker."""

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
    """Returns the name of this machine in the database."""
    return socket.gethostname()


def identity(pid: int) -> str | None:
    """Returns a text that is unique among all processes that ever have this id; None if there is none, or a zombie.

    On Linux it is the id of the boot with the start in clock ticks since that boot: setting the clock does not change
    it, and it is never repeated after a restart. Elsewhere it is the start by the wall clock.
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
    """Returns the calling process."""
    return Worker(host_name(), os.getpid(), identity(os.getpid()) or "")


def is_alive(worker: Worker) -> bool:
    """Returns whether that process exists (a later one with the same id does not count)."""
    return identity(worker.pid) == worker.process


def session_processes(worker: Worker) -> list[int]:
    """Returns the ids of the living processes in a worker's session: the worker and its children."""
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


def end_session(worker: Worker, signal_number: signal.Signals, wait_seconds: float) -> bool:
    """Sends a signal to every process of the worker's session and waits. Returns whether all have ended."""
    deadline = time.monotonic() + wait_seconds
    for pid in session_processes(worker):
        try:
            os.kill(pid, signal_number)
        except ProcessLookupError:
            continue
    while session_processes(worker):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@cache
def _boot() -> str:
    """Returns the id of this boot of the machine; "" if the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
