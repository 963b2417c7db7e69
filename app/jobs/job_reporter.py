"""What a worker tells of its run: a pulse of its own that carries the metrics, and the Reporter that feeds it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from app.jobs.journal import Journal
from storage.errors import DatabaseUnavailable
from storage.jobs import JobState, JobStore
from storage.logs import rotate

_STOPPING = "Stopping: "
"""Begins the text of every phase after the training has heard of the stop."""
LOST = 4
"""Exit status of a process that leaves without having ended its run."""


def say(text: str) -> None:
    """One line for the log, with the time; a run does not end because its log cannot be written."""
    with suppress(OSError):
        print(f"{datetime.now(UTC):%H:%M:%S} {text}", flush=True)


class Pulse:
    """One commit a second, from a thread of its own: heartbeat, step, phase and the metrics since the last one."""

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
        on_lost: Callable[[], None] = lambda: os._exit(LOST),
    ) -> None:
        """`on_lost` is called when the run is no longer this worker's: then it may not write another byte."""
        self.stop_requested = threading.Event()
        """That the training should end, whoever said so."""
        self.stop_asked = False
        """That a person asked for it."""
        self.step = step
        self.phase = "Starting"
        self.stop_heard = False
        """Whether the training knows of the stop and is putting its things in order."""
        self._store, self._id, self._attempt, self._log = store, job_id, attempt, log
        self._seconds, self._on_lost = seconds, on_lost
        self._journal = journal
        self._values = list(journal.left)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._beating = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Begins to beat, at once."""
        self._thread.start()

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Takes values along with the next beat; the training loop waits for no database."""
        batch = [(step, name, value) for name, value in values.items()]
        with self._lock:
            self.step = step or self.step
            self._values.extend(batch)
            self._journal.add(batch)

    def beat(self) -> bool:
        """One sign of life; False when the database did not take it, and then the values stay for the next one."""
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
                say(f"{error} The metrics wait for the next try.")
                return False
            with self._lock:
                self._journal.committed(self._values)
            if state is None and not self._closed.is_set():
                say("This run was given to another worker: ending without another word.")
                self._on_lost()
            if state is JobState.STOPPING:
                self.stop_asked = True
                self.stop_requested.set()
            return True

    def end(self, finish: Callable[[], object]) -> None:
        """Records what is left and then the end; tries until the database takes both, for an hour at most."""
        deadline = time.monotonic() + 3600
        while not self.beat() and time.monotonic() < deadline:
            time.sleep(self._seconds)
        self._closed.set()  # from here on it is we ourselves who end the run
        while time.monotonic() < deadline:
            try:
                finish()
                return
            except DatabaseUnavailable as error:
                say(f"{error} The end of the run waits for the next try.")
                time.sleep(self._seconds)

    def _run(self) -> None:
        while True:
            with suppress(OSError):
                rotate(self._log, (1, 2))
            self.beat()
            if self._closed.wait(self._seconds):
                return


class JobReporter:
    """lamp's Reporter for a run of the studio."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._phase = ""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._pulse.add(step, values)

    def phase(self, text: str) -> None:
        self._phase = f"{_STOPPING}{text[:1].lower()}{text[1:]}" if self._pulse.stop_heard else text
        self._pulse.phase = self._phase
        self.note(f"{text} ...")

    def part(self, share: float) -> None:
        if share > 0 and not self._pulse.stop_requested.is_set():
            self._pulse.phase = f"{self._phase}, {100 * share:.0f} % done"

    def note(self, text: str) -> None:
        say(text)

    def should_stop(self) -> bool:
        if not self._pulse.stop_requested.is_set():
            return False
        if not self._pulse.stop_heard:
            self._pulse.stop_heard = True
            self._pulse.phase = f"{_STOPPING}keeping what was learned"
        return True
