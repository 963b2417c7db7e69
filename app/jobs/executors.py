"""Executors start, watch and stop the workers of runs: the interface, and the one for this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from app.processes.child_environment import CODE_FOLDER, child_environment
from app.processes.identity import end_session, host_name, identity, is_alive
from storage.home import Home
from storage.jobs import Job, Worker
from storage.logs import open_log

_KILL_SECONDS = 5.0
"""Time that `stop` waits for killed processes to disappear."""


def worker_environment(added: Mapping[str, str], needs_hub: bool) -> dict[str, str]:
    """Returns all variables of a worker. added: those beyond what every process of the studio gets."""
    # Without the token a private backbone that lies here could not even be asked about.
    offline = {} if needs_hub else {"HF_HUB_OFFLINE": "1"}
    return child_environment({"PYTHONUNBUFFERED": "1", **offline, **added}, with_token=needs_hub)


class Executor(Protocol):
    """Starts and ends workers on one host, which may be a whole cluster."""

    host: str
    """The name of the host in the database."""
    quiet_seconds: float
    """Time without a heartbeat after which the runner checks whether the worker exists."""

    def is_ready(self) -> bool:
        """Returns whether workers can be started now."""

    def start(self, job: Job, environment: Mapping[str, str]) -> Worker:
        """Starts the worker of a claimed run. Raises OSError."""

    def is_alive(self, worker: Worker) -> bool:
        """Returns whether the worker's process exists or will exist; True if that is unknown."""

    def loss(self, worker: Worker) -> str:
        """Returns why a worker ended without reporting it, as a sentence."""

    def is_waiting(self, worker: Worker) -> bool:
        """Returns whether the worker waits for a place and cannot send heartbeats yet."""

    def stop(self, worker: Worker, force: bool) -> bool:
        """Sends SIGTERM, or SIGKILL with `force`, to the worker and all its children.

        Returns whether all have ended.
        """


class LocalExecutor:
    """Starts workers as child processes in sessions of their own, so that they outlive the server."""

    quiet_seconds = 0.0

    def __init__(
        self,
        home: Home,
        environment: Mapping[str, str],
        command: Sequence[str] = (),
        needs_hub: Callable[[Job], bool] = lambda job: False,
    ) -> None:
        """environment: STUDIO_HOME and DATABASE_URL for the workers; command: the program of a worker, for tests.

        needs_hub: whether a run must ask the Hub; the workers of other runs get no HF_TOKEN and stay offline.
        """
        self._needs_hub = needs_hub
        self.host = host_name()
        self._home = home
        self._environment = dict(environment)
        self._command = tuple(command) or (sys.executable, "-m", "app.jobs.worker")
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def is_ready(self) -> bool:
        return True

    def start(self, job: Job, environment: Mapping[str, str]) -> Worker:
        log = open_log(self._home.log(job.id))
        try:
            child = subprocess.Popen(
                [*self._command, job.id, str(job.attempts)],
                cwd=CODE_FOLDER,
                start_new_session=True,
                env=worker_environment({**self._environment, **environment}, self._needs_hub(job)),
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
            if child.poll() is not None:  # poll() reaps it: a zombie would keep its id taken
                del self._children[pid]
        return is_alive(worker)

    def loss(self, worker: Worker) -> str:
        return "Its worker vanished: it was killed, ran out of memory, or the machine was restarted."

    def is_waiting(self, worker: Worker) -> bool:
        return False

    def stop(self, worker: Worker, force: bool) -> bool:
        if force:
            return end_session(worker, signal.SIGKILL, _KILL_SECONDS)
        return end_session(worker, signal.SIGTERM, 0)
