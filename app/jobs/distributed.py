"""The other processes of a run that has several GPUs: `python -m app.jobs.distributed JOB_ID`, started by its worker.

All read the same data and train the same prompt, each on rows of its own; only the worker reports, saves and hears of
a stop, and tells the others through the training itself.
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
from collections.abc import Mapping
from typing import Self

from app.jobs.job_reporter import LOST, say
from app.jobs.slots import visible_gpus
from app.jobs.tuning import train_job
from app.settings import Settings
from lamp.errors import LampError, TrainingError
from lamp.process import prepare_process
from storage.artifacts import ArtifactStore
from storage.database import open_database
from storage.errors import StorageError
from storage.home import Home
from storage.jobs import Job, JobStore
from storage.uploads import UploadStore

_PORTS = range(20_000, 30_000)
"""Below those that systems hand out by themselves, so that a free one stays free until it is used."""
_GRACE_SECONDS = 15.0
"""For the worker to end by itself after a process of its crew has: mostly for the same reason."""


class Crew:
    """As long as it is open, a run's other processes train along; for a run of one process nothing happens.

    A process that is lost takes the worker with it: without that one it would wait for ever. So the run is found
    interrupted, and goes on from its last checkpoint.
    """

    def __init__(self, job: Job) -> None:
        self._job = job.id
        self._size = job.gpus
        self._mates: list[subprocess.Popen[bytes]] = []
        self._open = threading.Event()

    def __enter__(self) -> Self:
        if self._size > 1:
            given = len(visible_gpus())
            if 0 < given < self._size:
                raise TrainingError(
                    f"This run asks for {self._size} GPUs and was given {given}, because runs share "
                    "GPUs here: start the studio without STUDIO_SLOTS, then resume the run."
                )
            cores = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
            # torch has not been imported by now, and reads its number of threads when it is.
            os.environ.update(
                _place(0),
                WORLD_SIZE=str(self._size),
                MASTER_ADDR="127.0.0.1",
                MASTER_PORT=str(_free_port()),
                OMP_NUM_THREADS=str(max(1, cores // self._size)),
            )
            self._mates = [
                subprocess.Popen(
                    [sys.executable, "-m", "app.jobs.distributed", self._job],
                    stdin=subprocess.DEVNULL,
                    env={**os.environ, **_place(rank)},
                )
                for rank in range(1, self._size)
            ]
            say(f"{self._size} processes train together, each on rows of its own.")
            self._open.set()
            threading.Thread(target=self._watch, name="crew", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._open.clear()
        if isinstance(error, Exception) and not isinstance(error, LampError | StorageError) and self._killed():
            _leave()  # the error is only what the others noticed of it
        for mate in self._mates:
            mate.kill()  # all that is to be kept, the worker has
        for mate in self._mates:
            mate.wait()

    def _watch(self) -> None:
        while self._open.is_set():
            if any(mate.poll() for mate in self._mates):
                time.sleep(_GRACE_SECONDS)
                if self._open.is_set():
                    _leave()
            time.sleep(0.5)

    def _killed(self) -> bool:
        """Whether a signal ended one of the others; seen a moment after its connections broke off."""
        deadline = time.monotonic() + 3
        while self._mates and time.monotonic() < deadline:
            if any((mate.poll() or 0) < 0 for mate in self._mates):
                return True
            time.sleep(0.1)
        return False


class _Silent:
    """A Reporter for those whose worker has said it all."""

    def log(self, step: int, values: Mapping[str, float]) -> None: ...

    def phase(self, text: str) -> None: ...

    def part(self, share: float) -> None: ...

    def note(self, text: str) -> None: ...

    def should_stop(self) -> bool:
        return False


def _leave() -> None:
    say("A process of this run is gone: ending without another word.")
    os._exit(LOST)


def _place(rank: int) -> dict[str, str]:
    """What a process is told of its place among the others, in torch's words."""
    return {"RANK": str(rank), "LOCAL_RANK": str(rank)}


def _free_port() -> int:
    for port in random.SystemRandom().sample(_PORTS, 100):
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("No port is free for the processes of this run to find each other.")


def _end_with(worker: int) -> None:
    """Ends this process when the worker that started it is gone, however that came."""
    while os.getppid() == worker:
        time.sleep(0.5)
    os._exit(LOST)


def main(arguments: list[str]) -> int:
    """Exit status: 0 when all was trained, 1 when it failed."""
    prepare_process()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the worker hears of it too, and ends in good order
    threading.Thread(target=_end_with, args=(os.getppid(),), name="worker", daemon=True).start()
    settings = Settings.from_environment()
    try:
        database, home = open_database(settings.database_url), Home(settings.home)
        job = JobStore(database).get(arguments[0])
        train_job(settings, UploadStore(database, home.uploads), ArtifactStore(home.artifacts), job, _Silent())
        return 0
    except (LampError, StorageError) as error:
        say(f"Process {os.environ['RANK']}: {error}")
    except Exception:
        say(f"Process {os.environ['RANK']}: {traceback.format_exc()}")
    return 1


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # at once: the usual end may wait for processes that have ended
