"""Runs on several GPUs: one process for each; the worker is the first and starts the others (its peers).

`python -m app.jobs.distributed JOB_ID` is a peer. All processes read the same data and train the same prompt, each on
rows of its own. Only the worker reports, saves and receives stop requests; its peers learn of a stop through the
training.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from typing import Self

from app.jobs.heartbeat import EXIT_LOST
from app.jobs.log import log_line, log_lines
from app.jobs.tuning import train_job
from app.processes.slots import visible_gpus
from app.run import Run
from app.settings import Settings
from lamp.errors import LampError, TrainingError
from lamp.process import prepare_process
from lamp.training.reporter import SilentReporter
from storage.artifacts import ArtifactStore
from storage.database import open_database
from storage.errors import StorageError
from storage.home import Home
from storage.jobs import Job, JobStore
from storage.owners import Owner
from storage.uploads import UploadStore

_PORTS = range(20_000, 30_000)
"""Below the ports that systems assign automatically, so that a free one stays free until it is used."""
_GRACE_SECONDS = 15.0
"""Time for the worker to end by itself after one of its peers has ended, usually for the same reason."""


class DistributedRun:
    """Context manager that starts and ends a run's peers; does nothing for a run of one process.

    If a peer is lost, the worker is ended too, because it would wait for that peer for ever. The runner then marks the
    run as interrupted and resumes it from its last checkpoint.
    """

    def __init__(self, job: Job) -> None:
        self._job = job.id
        self._size = job.gpus
        self._peers: list[subprocess.Popen[bytes]] = []
        self._training = threading.Event()
        """Set while the worker trains and needs its peers."""

    def __enter__(self) -> Self:
        """Raises TrainingError if the run was given fewer GPUs than it asks for."""
        if self._size > 1:
            gpus = len(visible_gpus())
            if 0 < gpus < self._size:
                raise TrainingError(
                    f"This run asks for {self._size} GPUs and was given {gpus}, because runs share "
                    "GPUs here: start the studio without STUDIO_SLOTS, then resume the run."
                )
            cores = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
            # torch reads its number of threads when it is imported, which is later than this.
            os.environ.update(
                _rank_environment(0),
                WORLD_SIZE=str(self._size),
                MASTER_ADDR="127.0.0.1",
                MASTER_PORT=str(_free_port()),
                OMP_NUM_THREADS=str(max(1, cores // self._size)),
            )
            self._peers = [
                subprocess.Popen(
                    [sys.executable, "-m", "app.jobs.distributed", self._job],
                    stdin=subprocess.DEVNULL,
                    env={**os.environ, **_rank_environment(rank)},
                )
                for rank in range(1, self._size)
            ]
            log_line(f"{self._size} processes train together, each on rows of its own.")
            self._training.set()
            threading.Thread(target=self._watch, name="peers", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._training.clear()
        known = isinstance(error, LampError | StorageError)
        if isinstance(error, Exception) and not known and self._peer_was_killed():
            _exit_lost()  # the error only says that the connection to that peer broke
        for peer in self._peers:
            peer.kill()  # it has nothing to save
        for peer in self._peers:
            peer.wait()

    def _watch(self) -> None:
        """Ends the worker if a peer has failed and the worker does not end by itself."""
        while self._training.is_set():
            if any(peer.poll() for peer in self._peers):
                time.sleep(_GRACE_SECONDS)
                if self._training.is_set():
                    _exit_lost()
            time.sleep(0.5)

    def _peer_was_killed(self) -> bool:
        """Returns whether a signal ended a peer.

        Waits, because the exit status comes a moment after the connections break.
        """
        deadline = time.monotonic() + 3
        while self._peers and time.monotonic() < deadline:
            if any((peer.poll() or 0) < 0 for peer in self._peers):
                return True
            time.sleep(0.1)
        return False


def _exit_lost() -> None:
    log_line("A process of this run is gone: ending without another word.")
    os._exit(EXIT_LOST)


def _rank_environment(rank: int) -> dict[str, str]:
    """Returns the environment for torch.distributed that differs between the processes."""
    return {"RANK": str(rank), "LOCAL_RANK": str(rank)}


def _free_port() -> int:
    """Returns a free port of 127.0.0.1 in _PORTS. Raises OSError if a hundred random ones are taken."""
    for port in random.SystemRandom().sample(_PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("No port is free for the processes of this run to find each other.")


def _exit_with_parent(parent: int) -> None:
    """Waits until the parent process is gone, then ends this one."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(EXIT_LOST)


def main(arguments: list[str]) -> int:
    """Runs a peer; returns 0 if the training ended, 1 if it failed."""
    prepare_process()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the worker gets it too, and ends the training for all
    threading.Thread(target=_exit_with_parent, args=(os.getppid(),), name="parent", daemon=True).start()
    settings = Settings.from_environment()
    try:
        database, home = open_database(settings.database_url), Home(settings.work_home)
        run = Run.of(JobStore(database).get(arguments[0]))
        uploads = UploadStore(database, home.uploads, Owner(run.job.owner))
        artifacts = ArtifactStore(home.artifacts)
        train_job(settings, uploads, artifacts, run, SilentReporter())  # the worker reports the same
        return 0
    except (LampError, StorageError) as error:
        log_line(f"Process {os.environ['RANK']}: {error}")
    except Exception:
        log_line(f"Process {os.environ['RANK']} ended with an unexpected error:")
        log_lines(traceback.format_exc())
    return 1


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # a regular exit may wait for connections to processes that have ended
