"""Carries the files of a run between the store and the machine that it is on."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import IO

from app.jobs.log import log_line
from app.run import Run
from app.settings import Settings
from storage import locks
from storage.artifacts import ArtifactStore
from storage.errors import StorageError, StoreUnavailable
from storage.files import older_than_a_day, remove, whole
from storage.home import Home
from storage.jobs import Job, JobStore
from storage.logs import open_log
from storage.object_store import ObjectStore
from storage.run_files import ANSWERS, ARTIFACTS, CHECKPOINTS, LOGS, PARTS, RunFiles
from storage.shared_files import fetch_upload
from storage.uploads import uploads_of

_EVERY_SECONDS = 2.0
"""Between two looks at what is new: at most so much of a log, or so new a checkpoint, is lost with a machine."""
_WAIT_SECONDS = 60.0
"""How long a run that begins waits for the store, and for the end of its worker before on this machine."""
END_SECONDS = 3600.0
"""How long a run that has ended tries to store what it has made, as it does to record its end."""
_AGAIN_SECONDS = 2.0
_BEAT_SECONDS = 5.0
"""Between two signs of life of a run that begins."""


class Carrier:
    """Belongs to one attempt at a run. Where files lie in STUDIO_HOME alone there is nothing to carry: this one."""

    def begin(self) -> None:
        """Brings what the run goes on from, then begins to store what is new. Raises StorageError, OSError."""

    def bring_inputs(self) -> None:
        """Brings what the run reads, which may be large. Raises StorageError, OSError."""

    def end(self, seconds: float) -> None:
        """Stores what is left, for which it tries so many seconds. Raises StorageError, OSError."""

    def clear(self) -> None:
        """Removes the run's files from this machine, once they are in the store, and what nobody used for a day."""


def carrier_of(settings: Settings, job: Job, jobs: JobStore) -> Carrier:
    """The carrier for a run whose worker is this process."""
    return StoreCarrier(settings.files, Home(settings.work_home), job, jobs) if settings.files else Carrier()


class StoreCarrier(Carrier):
    """The run's other code finds and leaves all files in folders of this machine."""

    def __init__(self, address: str, home: Home, job: Job, jobs: JobStore) -> None:
        """home: of workers alone, not of a server."""
        self._store, self._home, self._job, self._jobs = ObjectStore(address), home, job, jobs
        self._files = RunFiles(self._store, home.root, job.id, job.attempts)
        self._parent: RunFiles | None = None
        """The run that a comparison writes into."""
        self._lock: IO[bytes] | None = None
        """Of the run's files on this machine: the worker before may be clearing them away."""
        self._is_stored = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="carrier", daemon=True)

    def begin(self) -> None:
        log = self._home.log(self._job.id)
        with self._alive(), log.open("rb") if log.is_file() else BytesIO() as own:
            is_output = _is_output(log)  # what is brought takes the place of this file
            self._until_answered(self._take_lock, _WAIT_SECONDS)
            self._until_answered(lambda: self._bring_own(own, is_output), _WAIT_SECONDS)
        self._thread.start()

    def bring_inputs(self) -> None:
        self._until_answered(self._bring_inputs, _WAIT_SECONDS)

    def end(self, seconds: float) -> None:
        self._closing.set()
        self._thread.join()  # else it might take what `clear` removes here for what the run has removed
        self._until_answered(self._push, seconds)
        self._is_stored = True

    def clear(self) -> None:
        with suppress(StorageError, OSError):
            self._files.push({LOGS}, removes=False)  # the last lines
            artifacts, job = ArtifactStore(self._home.artifacts), self._jobs.get(self._job.id)
            if self._is_stored and job.state.finished and job.attempts == self._job.attempts:  # not resumed already
                self._home.forget(job.id)
                artifacts.remove(job.id)
            active = self._jobs.active()
            at_work = frozenset(id for job in (job, *active) for id in (job.id, job.parent) if id is not None)
            self._home.sweep(at_work)
            artifacts.sweep(at_work)
            wanted = at_work.union(*map(uploads_of, active))
            for path in chain(self._home.uploads.glob("*"), self._locks.glob("*")):
                if path.name.partition(".")[0] not in wanted and older_than_a_day(path):
                    remove(path)

    @property
    def _locks(self) -> Path:
        return self._home.root / "locks"

    def _take_lock(self) -> None:
        self._lock = locks.take(self._locks / self._job.id)
        if self._lock is None:
            raise StoreUnavailable("The worker of this run that was here before has not ended yet.")

    @contextmanager
    def _alive(self) -> Iterator[None]:
        """Sends the worker's sign of life meanwhile: the store may take longer than a worker may be silent."""
        closing = threading.Event()

        def beat() -> None:
            while not closing.wait(_BEAT_SECONDS):
                with suppress(StorageError):
                    self._jobs.heartbeat(self._job.id, self._job.step, "Starting", attempt=self._job.attempts)

        thread = threading.Thread(target=beat, name="alive", daemon=True)
        thread.start()
        try:
            yield
        finally:
            closing.set()
            thread.join()

    def _bring_own(self, log: IO[bytes], is_output: bool) -> None:
        parts = {ANSWERS, ARTIFACTS}
        here, stored = self._files.last_steps()
        if here <= stored:  # what an attempt here could not store any more is not given up
            remove(self._home.checkpoints(self._job.id))
            parts.add(CHECKPOINTS)
        self._files.pull(parts)
        self._go_on_with_log(log, is_output)

    def _bring_inputs(self) -> None:
        job = self._job
        if job.kind == "comparison":
            job = self._jobs.get(job.parent or "")
            self._parent = self._bring_other(job.id, {ANSWERS, CHECKPOINTS})
        for sha256 in uploads_of(job):
            self._bring_upload(sha256)
        lamp = Run.of(job).config.lamp
        if lamp.initial == "prompt" and self._parent is None:
            self._bring_other(lamp.initial_prompt, {ARTIFACTS})

    def _bring_other(self, id: str, parts: Collection[str]) -> RunFiles:
        """Brings files of another run, which several workers may do at the same time."""
        files = RunFiles(self._store, self._home.root, id)
        with locks.locked(self._locks / f"{id}.other"):
            files.pull(parts)
        return files

    def _bring_upload(self, sha256: str) -> None:
        for name in self._store.versions(f"uploads/{sha256}"):
            path = self._home.uploads / name
            try:
                os.utime(path)  # it was used today
            except FileNotFoundError:
                fetch_upload(self._store, path)

    def _go_on_with_log(self, written: IO[bytes], is_output: bool) -> None:
        """Puts the log of earlier attempts before what this one has written.

        written: the log as it was at the start of this process; is_output: whether its output goes there.
        """
        log = self._home.log(self._job.id)
        self._files.pull({LOGS})
        before = log.read_bytes() if log.is_file() else b""
        written.seek(0)
        own = written.read()
        if before != own:
            with whole(log.parent, log.name) as staged:
                staged.write_bytes(own if own.startswith(before) else before + own)
        if is_output:
            fresh = open_log(log)
            os.dup2(fresh, 1)
            os.dup2(fresh, 2)
            os.close(fresh)

    def _run(self) -> None:
        told = False
        while not self._closing.wait(_EVERY_SECONDS):
            try:
                self._push()
                told = False
            except (StorageError, OSError) as error:
                if not told:
                    log_line(f"What is new is not in the store of files yet: {error}")
                told = True

    def _push(self) -> None:
        self._files.push(PARTS)
        if self._parent is not None:
            self._parent.push({ANSWERS}, removes=False)

    def _until_answered(self, action: Callable[[], None], seconds: float) -> None:
        deadline, told = time.monotonic() + seconds, False
        while True:
            try:
                return action()
            except StoreUnavailable as error:
                if time.monotonic() >= deadline:
                    raise
                if not told:
                    log_line(f"{error} It is tried again.")
                told = True
            time.sleep(_AGAIN_SECONDS)


def _is_output(log: Path) -> bool:
    """Whether this process writes its output there."""
    with suppress(OSError):
        return os.path.samestat(log.stat(), os.fstat(1))
    return False
