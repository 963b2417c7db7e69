"""How a run gets a process: three verbs, and their first implementation on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from app.jobs.processes import end_family, host_name, identity, is_alive
from storage.home import Home
from storage.jobs import Job, Worker
from storage.logs import open_log

_ROOT = Path(__file__).resolve().parents[2]
_KILL_SECONDS = 5.0


class Executor(Protocol):
    """Where workers live."""

    host: str

    def start(self, job: Job, environment: Mapping[str, str]) -> Worker:
        """Starts the worker of a claimed run. Raises OSError."""

    def is_alive(self, worker: Worker) -> bool:
        """Whether the worker is there."""

    def stop(self, worker: Worker, force: bool) -> bool:
        """Asks the worker and all it started to end, or ends them; whether all of them are gone."""


class LocalExecutor:
    """Child processes in sessions of their own, which outlive the server that started them."""

    def __init__(self, home: Home, environment: Mapping[str, str], command: Sequence[str] = ()) -> None:
        """`environment`: what a worker must know, STUDIO_HOME and DATABASE_URL; `command`: the worker's program."""
        self.host = host_name()
        self._home = home
        self._environment = dict(environment)
        self._command = tuple(command) or (sys.executable, "-m", "app.jobs.worker")
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, job: Job, environment: Mapping[str, str]) -> Worker:
        log = open_log(self._home.log(job.id))
        try:
            child = subprocess.Popen(
                [*self._command, job.id, str(job.attempts)],
                cwd=_ROOT,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self._environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        finally:
            os.close(log)
        self._children[child.pid] = child
        return Worker(self.host, child.pid, identity(child.pid) or "")

    def is_alive(self, worker: Worker) -> bool:
        for pid, child in list(self._children.items()):
            if child.poll() is not None:  # collected here: its remains would keep the id taken
                del self._children[pid]
        return is_alive(worker)

    def stop(self, worker: Worker, force: bool) -> bool:
        if force:
            return end_family(worker, signal.SIGKILL, _KILL_SECONDS)
        return end_family(worker, signal.SIGTERM, 0)
