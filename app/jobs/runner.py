"""The runner: starts queued runs in free slots, watches every worker, and ends or resumes runs whose worker failed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.jobs.executors import Executor
from app.processes.slots import environment
from storage.jobs import Job, JobState, JobStore, Worker
from storage.quota import ANY_NUMBER, AtOnce

_log = logging.getLogger(__name__)
_MOST_RESUMES = 3
"""Automatic resumes in a row, after which a run stays interrupted."""


@dataclass(frozen=True)
class Timeouts:
    """How long the runner waits, in seconds of a monotonic clock."""

    start: float = 60.0
    """The longest time from the claim of a run to the start of its worker's process."""
    silence: float = 120.0
    """The longest time between two heartbeats; longer than the database is ever locked."""
    stop: float = 30.0
    """Time for a worker to learn of a stop; then it gets SIGTERM."""
    terminate: float = 10.0
    """Time for a worker to end after SIGTERM; then it is killed with all its children."""
    tidy: float = 600.0
    """Time for a worker that knows of a stop to write its checkpoint and export its prompt."""
    exit: float = 30.0
    """Time for a worker's process to end after the end of its run; then it is killed."""
    turn: float = 0.5
    """Time between two turns of the runner."""
    sweep: float = 3600.0
    """Time between two sweeps of the disk."""


@dataclass
class _Watch:
    """The runner's observations of one attempt at a run; all times are monotonic."""

    beats: int
    beat_at: float
    """When `beats` last changed."""
    stop_at: float | None = None
    """When the stop was first noticed."""
    sigterm_at: float | None = None
    """When SIGTERM was sent."""
    ended_at: float | None = None
    """When the end of the run was first noticed."""


class Runner:
    """Starts and watches workers in short turns that never raise; several runners may share a database."""

    def __init__(
        self,
        store: JobStore,
        executor: Executor,
        devices: Sequence[str],
        *,
        auto_resume: bool = True,
        timeouts: Timeouts = Timeouts(),
        at_once: AtOnce = ANY_NUMBER,
        sweep: Callable[[], None] = lambda: None,
    ) -> None:
        """devices: the device of each slot, "" for the CPU; at_once: limits the active runs of one owner; sweep: frees
        disk space."""
        self._store, self._executor, self._devices, self._at_once = store, executor, tuple(devices), at_once
        self._resumes = _MOST_RESUMES if auto_resume else 0
        self._timeouts, self._sweep = timeouts, sweep
        self._watches: dict[tuple[str, int], _Watch] = {}
        self._swept_at = float("-inf")
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runner", daemon=True)

    def start(self) -> None:
        """Starts a thread that takes turns."""
        self._thread.start()

    def close(self) -> None:
        """Ends the turns. Workers continue, and the next runner adopts them."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout=60)

    def turn(self) -> None:
        """Checks every active run, releases slots, and starts the runs that can start. Never raises."""
        for part in (self._check_active, self._free_slots, self._fill_slots, self._sweep_if_due):
            try:
                part()
            except Exception:  # the next turn sees the same database and tries again
                _log.exception("The runner goes on after an error.")

    def _run(self) -> None:
        while not self._closing.is_set():
            self.turn()
            self._closing.wait(self._timeouts.turn)

    def _check_active(self) -> None:
        active = self._store.active()
        ended = self._store.releasing_slots(self._executor.host)
        known = {(job.id, job.attempts) for job in (*active, *ended)}
        self._watches = {key: watch for key, watch in self._watches.items() if key in known}
        for job in active:
            self._check(job, self._watch(job))

    def _check(self, job: Job, watch: _Watch) -> None:
        silent = time.monotonic() - watch.beat_at
        here = job.host == self._executor.host
        asked = here and silent >= self._executor.quiet_seconds
        if job.worker is None:
            if silent > self._timeouts.start:
                self._mark_lost(job, "Its worker never started.")
        elif asked and not self._executor.is_alive(job.worker):
            self._mark_lost(job, self._executor.loss(job.worker))
        elif asked and self._executor.is_waiting(job.worker):
            self._wait_on(job)
        elif silent > self._timeouts.silence:
            if not here or self._executor.stop(job.worker, force=True):
                self._mark_lost(job, f"Its worker on {job.host} gave no sign of life for {silent:.0f} seconds.")
        elif here and job.state is JobState.STOPPING:
            self._enforce_stop(job, job.worker, watch)

    def _wait_on(self, job: Job) -> None:
        """Sends the heartbeat for a worker that waits for its place, so that no other runner marks it as lost."""
        if job.state is JobState.STOPPING:
            self._mark_lost(job, "Stopped before it was started.")
        else:
            self._store.heartbeat(job.id, job.step, "Waiting for a machine that is free", attempt=job.attempts)

    def _enforce_stop(self, job: Job, worker: Worker, watch: _Watch) -> None:
        """Ends a worker that takes too long to stop: SIGTERM, then SIGKILL.

        A worker that knows of the stop has more time.
        """
        now = time.monotonic()
        watch.stop_at = watch.stop_at or now
        allowed = self._timeouts.tidy if job.stop_heard else self._timeouts.stop
        if watch.sigterm_at is None:
            if now - watch.stop_at > allowed:
                self._executor.stop(worker, force=False)
                watch.sigterm_at = now
        elif now - watch.sigterm_at > self._timeouts.terminate and self._executor.stop(worker, force=True):
            self._mark_lost(
                job, "Its worker did not answer and was ended; what it learned since its last checkpoint is lost."
            )

    def _mark_lost(self, job: Job, reason: str) -> None:
        if job.worker is not None and job.host == self._executor.host:
            self._executor.stop(job.worker, force=True)  # processes that it started may have outlived it
        self._store.mark_lost(job.id, job.attempts, reason, self._resumes)

    def _free_slots(self) -> None:
        for job in self._store.releasing_slots(self._executor.host):
            watch = self._watch(job)
            watch.ended_at = watch.ended_at or time.monotonic()
            late = time.monotonic() - watch.ended_at > self._timeouts.exit
            if job.worker is None or (
                (late or not self._executor.is_alive(job.worker)) and self._executor.stop(job.worker, force=True)
            ):
                self._store.release(job.id)

    def _fill_slots(self) -> None:
        slots = range(len(self._devices))
        while (
            not self._closing.is_set()
            and self._executor.is_ready()
            and (job := self._store.claim(self._executor.host, slots, self._at_once))
        ):
            try:
                worker = self._executor.start(job, environment(job.slots, self._devices))
            except OSError as error:
                sentence = f"The worker could not be started: {error.strerror or error}."
                self._store.finish(job.id, JobState.FAILED, error=sentence, attempt=job.attempts)
                return
            self._store.started(job.id, job.attempts, worker)

    def _sweep_if_due(self) -> None:
        if time.monotonic() - self._swept_at > self._timeouts.sweep:
            self._swept_at = time.monotonic()
            self._sweep()

    def _watch(self, job: Job) -> _Watch:
        watch = self._watches.setdefault((job.id, job.attempts), _Watch(job.beats, time.monotonic()))
        if watch.beats != job.beats:
            watch.beats, watch.beat_at = job.beats, time.monotonic()
        return watch
