"""Carries the files of a run between the store and the machine that it is on."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from app.jobs.log import log_line
from app.run import Run
from app.settings import Settings
from storage.artifacts import ArtifactStore
from storage.errors import StorageError, StoreUnavailable
from storage.files import older_than_a_day, remove, whole
from storage.home import Home
from storage.jobs import Job, JobStore
from storage.logs import open_log
from storage.object_store import ObjectStore
from storage.run_files import ANSWERS, ARTIFACTS, CHECKPOINTS, LOGS, PARTS, RunFiles
from storage.shared_files import fetch_upload

_EVERY_SECONDS = 2.0
"""Between two looks at what is new: at most so much of a log, or so new a checkpoint, is lost with a machine."""
_WAIT_SECONDS = 60.0
"""How long a run that begins waits for the store: less than a worker may be silent."""
END_SECONDS = 3600.0
"""How long a run that has ended tries to store what it has made, as it does to record its end."""
_AGAIN_SECONDS = 2.0


class Carrier:
    """Belongs to one attempt at a run. Where files lie in STUDIO_HOME alone there is nothing to carry: this one."""

    def begin(self) -> None:
        """Brings what the run goes on from, then begins to store what is new. Raises StorageError, OSError.

        The worker gives no sign of life meanwhile.
        """

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
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="carrier", daemon=True)

    def begin(self) -> None:
        self._until_answered(self._bring_own, _WAIT_SECONDS)
        self._thread.start()

    def bring_inputs(self) -> None:
        self._until_answered(self._bring_inputs, _WAIT_SECONDS)

    def end(self, seconds: float) -> None:
        self._closing.set()
        self._thread.join()  # else it might take what `clear` removes here for what the run has removed
        self._until_answered(self._push, seconds)

    def clear(self) -> None:
        with suppress(StorageError, OSError):
            self._push()  # the last lines of the log
            artifacts = ArtifactStore(self._home.artifacts)
            self._home.forget(self._job.id)
            artifacts.remove(self._job.id)
            at_work = frozenset(job.id for job in self._jobs.active())
            self._home.sweep(at_work)
            artifacts.sweep(at_work)
            for path in filter(older_than_a_day, self._home.uploads.glob("*")):
                remove(path)

    def _bring_own(self) -> None:
        parts = {ANSWERS, ARTIFACTS}
        here, stored = self._files.last_steps()
        if here <= stored:  # what an attempt here could not store any more is not given up
            remove(self._home.checkpoints(self._job.id))
            parts.add(CHECKPOINTS)
        self._files.pull(parts)
        self._go_on_with_log()

    def _bring_inputs(self) -> None:
        job = self._job
        if job.kind == "comparison":
            job = self._jobs.get(job.parent or "")
            parent = RunFiles(self._store, self._home.root, job.id)
            parent.pull({ANSWERS, CHECKPOINTS})
            self._parent = parent
        recipe = Run.of(job).config
        for reference in {job.dataset, recipe.data.validation_data, recipe.data.test_data}:
            if reference.startswith("upload:"):
                self._bring_upload(reference.removeprefix("upload:"))
        if recipe.lamp.initial == "prompt" and self._parent is None:
            RunFiles(self._store, self._home.root, recipe.lamp.initial_prompt).pull({ARTIFACTS})

    def _bring_upload(self, sha256: str) -> None:
        for name in self._store.versions(f"uploads/{sha256}"):
            path = self._home.uploads / name
            if path.is_file():
                os.utime(path)  # it was used today
            else:
                fetch_upload(self._store, path)

    def _go_on_with_log(self) -> None:
        """Puts the log of earlier attempts before what this one has written."""
        log = self._home.log(self._job.id)
        own, output = _content(log), _is_output(log)
        self._files.pull({LOGS})
        before = _content(log)
        if before != own:
            with whole(log.parent, log.name) as staged:
                staged.write_bytes(own if own.startswith(before) else before + own)
        if output:
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
            self._parent.push({ANSWERS})

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


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _is_output(log: Path) -> bool:
    """Whether this process writes its output there."""
    with suppress(OSError):
        return os.path.samestat(log.stat(), os.fstat(1))
    return False
