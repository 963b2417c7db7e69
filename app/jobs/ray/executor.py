"""Starts, watches and stops the workers of runs on the nodes of a Ray cluster."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.jobs.ray.api import RayApi, RayRefused, RayUnavailable
from app.processes.child_environment import CODE_FOLDER, child_environment
from lamp.plain_line import visible
from storage.database import utc_now
from storage.home import Home
from storage.jobs import Job, Worker
from storage.logs import open_log

_KILL_SECONDS = 10
"""Time between SIGTERM and SIGKILL, as on one machine (app.jobs.runner.Timeouts.terminate)."""

_SETTINGS = {"STUDIO_FILES", "STUDIO_TRACKER", "STUDIO_ALLOWED_HOSTS", "STUDIO_HOST", "STUDIO_PORT"}
"""What a worker reads of the studio's settings. Others, such as a file of people, need not be there on a node."""


@dataclass(frozen=True)
class Share:
    """What of a node a run gets."""

    cpus: int
    """For each GPU, or for the run where the cluster has no GPU."""
    has_gpus: bool


class RayExecutor:
    """Hands each run to Ray as a job, for which Ray finds a node and sets CUDA_VISIBLE_DEVICES.

    Heartbeats tell of a worker's life, as everywhere. Ray is asked of those that are silent, and where it does not
    answer it is not guessed: nothing is taken for ended. Each attempt at a run is a job with a name of its own, and the
    database lets only the worker of that name begin.
    """

    quiet_seconds = 5.0

    def __init__(self, address: str, home: Home, share: Share, api: RayApi | None = None) -> None:
        self.host = f"Ray at {urlsplit(address).netloc}"
        self._home, self._share, self._api = home, share, api or RayApi(address)

    def is_ready(self) -> bool:
        try:
            self._api.check()
        except (RayUnavailable, RayRefused):
            return False
        return True

    def start(self, job: Job, environment: Mapping[str, str]) -> Worker:
        """environment: of this machine's devices, which the worker does not get: it sees those of its node."""
        name = f"lamp-{job.id}-{job.attempts}-{secrets.token_hex(4)}"
        worker = Worker(self.host, 0, name)
        program = [sys.executable, "-m", "app.jobs.ray.node", job.id, str(job.attempts), self.host, name]
        self._tell(job.id, f"Handed to {self.host} as {name}.")
        try:
            self._api.submit(
                {
                    "submission_id": name,
                    "entrypoint": f"cd {shlex.quote(str(CODE_FOLDER))} && exec {shlex.join(program)}",
                    "runtime_env": {"env_vars": self._variables()},
                    "entrypoint_num_cpus": self._share.cpus * job.gpus,
                    **({"entrypoint_num_gpus": job.gpus} if self._share.has_gpus else {}),
                }
            )
        except RayRefused as error:
            raise OSError(str(error)) from None
        except RayUnavailable as error:
            self._tell(job.id, f"{error} It may have taken the run nevertheless.")
        return worker

    def is_alive(self, worker: Worker) -> bool:
        try:
            job = self._api.job(worker.process)
        except (RayUnavailable, RayRefused):
            return True
        return job is not None and not job.has_ended

    def loss(self, worker: Worker) -> str:
        try:
            job = self._api.job(worker.process)
        except (RayUnavailable, RayRefused):
            job = None
        said = job.reason if job is not None else ""
        return f"Its worker vanished, or the machine that it was on{f'. Ray says: {said}' if said else '.'}"

    def is_waiting(self, worker: Worker) -> bool:
        try:
            job = self._api.job(worker.process)
        except (RayUnavailable, RayRefused):
            return False
        return job is not None and job.status == "PENDING"

    def stop(self, worker: Worker, force: bool) -> bool:
        """Ray sends SIGTERM, and SIGKILL after ten seconds, whatever `force` is."""
        try:
            job = self._api.job(worker.process)
            if job is None or job.has_ended:
                return True
            self._api.stop(worker.process)
        except (RayUnavailable, RayRefused):
            pass
        return False

    def _variables(self) -> dict[str, str]:
        """What a worker gets from here. No secret: Ray shows these to everybody who sees its dashboard."""
        own = {name: value for name, value in child_environment().items() if name in _SETTINGS}
        home = {} if own.get("STUDIO_FILES") else {"STUDIO_HOME": str(self._home.root)}  # else each machine has its own
        return {**own, **home, "RAY_JOB_STOP_WAIT_TIME_S": str(_KILL_SECONDS)}

    def _tell(self, id: str, sentence: str) -> None:
        """Writes a line into the run's log, in which nothing of its worker stands yet, or any more."""
        log = open_log(self._home.log(id))
        try:
            os.write(log, f"{utc_now():%Y-%m-%dT%H:%M:%SZ} {visible(sentence)}\n".encode())
        finally:
            os.close(log)
