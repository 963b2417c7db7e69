"""The heartbeat of a worker: every second it records that the worker is alive, and the newest metrics."""

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
"""Exit status of a process whose run was given to another worker or has lost one of its processes."""
_END_SECONDS = 3600.0
"""Time for which `end` tries to record the end of a run."""


class Heartbeat:
    """A thread that commits once a second: a count of heartbeats, the step, the phase and the newest metrics."""

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
        """log: the run's log, which is rotated here; seconds: between two heartbeats.

        on_lost: called when the run belongs to another worker; then this one may not write anything any more.
        """
        self.stop_requested = threading.Event()
        """Set when the training should end, because a person or the system asked for it."""
        self.stop_by_user = False
        """Whether a person asked for the stop."""
        self.stop_heard = False
        """Whether the training knows of the stop and is writing its checkpoint and its prompt."""
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
        """Starts the thread, which sends the first heartbeat at once."""
        self._thread.start()

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Keeps the values of a step for the next heartbeat, so that the training does not wait for the database."""
        batch = [(step, name, value) for name, value in values.items()]
        with self._lock:
            self.step = step or self.step
            self._values.extend(batch)
            self._journal.add(batch)

    def beat(self) -> bool:
        """Commits once. Returns False if the database did not answer: then the values wait for the next heartbeat."""
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
        """Commits the last values and calls `finish`, repeatedly until the database has recorded both."""
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
