"""The heartbeat of a worker: it tells the database every second that the run goes on, and brings it the metrics."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from app.jobs.journal import Journal
from app.jobs.log import log_line
from storage.errors import DatabaseUnavailable
from storage.jobs import JobState, JobStore
from storage.logs import rotate

EXIT_LOST = 4
"""Exit status of a process that ends because the run is no longer its own, or has lost one of its processes."""
_END_SECONDS = 3600.0
"""For how long the end of a run is tried to be recorded."""


class Heartbeat:
    """A thread that makes one commit a second: a count of beats, the step, the phase and the newest metrics."""

    def __init__(
        self,
        store: JobStore,
        job_id: str,
        attempt: int,
        log: Path,
        journal: Journal,
        *,
        step: int = 0,
        seconds: float = 1.0,
        on_lost: Callable[[], None] = lambda: os._exit(EXIT_LOST),
    ) -> None:
        """log: the run's log, which is rotated here; seconds: between two beats.

        on_lost: called when the run belongs to another worker, after which this one may not write anything.
        """
        self.stop_requested = threading.Event()
        """Set when the training should end, whether a person or the system wants it."""
        self.stop_by_user = False
        """Whether a person asked for the stop."""
        self.stop_heard = False
        """Whether the training knows of the stop and is putting its things in order."""
        self.step = step
        self.phase = "Starting"
        self._store, self._id, self._attempt, self._log = store, job_id, attempt, log
        self._seconds, self._on_lost = seconds, on_lost
        self._journal = journal
        self._values = list(journal.uncommitted)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._beating = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Starts the thread; its first beat comes at once."""
        self._thread.start()

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Keeps the values of a step for the next beat, so that the training waits for no database."""
        batch = [(step, name, value) for name, value in values.items()]
        with self._lock:
            self.step = step or self.step
            self._values.extend(batch)
            self._journal.add(batch)

    def beat(self) -> bool:
        """Commits once. False when the database did not answer: the values then wait for the next beat."""
        with self._beating:
            with self._lock:
                values, self._values = self._values, []
            try:
                state = self._store.heartbeat(
                    self._id, self.step, self.phase, values, attempt=self._attempt, stop_heard=self.stop_heard
                )
            except DatabaseUnavailable as error:
                with self._lock:
                    self._values = values + self._values
                log_line(f"{error} The metrics wait for the next try.")
                return False
            with self._lock:
                self._journal.discard_committed(self._values)
            if state is None and not self._closed.is_set():
                log_line("This run was given to another worker: ending without another word.")
                self._on_lost()
            if state is JobState.STOPPING:
                self.stop_by_user = True
                self.stop_requested.set()
            return True

    def end(self, finish: Callable[[], object]) -> None:
        """Commits the last values and calls `finish`, again and again until the database takes both."""
        deadline = time.monotonic() + _END_SECONDS
        while not self.beat() and time.monotonic() < deadline:
            time.sleep(self._seconds)
        self._closed.set()  # a beat after `finish` finds the run ended, and not lost to another worker
        while time.monotonic() < deadline:
            try:
                finish()
                return
            except DatabaseUnavailable as error:
                log_line(f"{error} The end of the run waits for the next try.")
                time.sleep(self._seconds)

    def _run(self) -> None:
        while True:
            with suppress(OSError):
                rotate(self._log, (1, 2))
            self.beat()
            if self._closed.wait(self._seconds):
                return
