"""The runner: starts queued runs in free slots, watches every worker, and puts right whatever ended badly."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.jobs.executors import Executor
from app.jobs.slots import environment
from storage.jobs import Job, JobState, JobStore, Worker

_log = logging.getLogger(__name__)
_MOST_RESUMES = 3


@dataclass(frozen=True)
class Patience:
    """How long the runner waits, in seconds of a clock that nobody can set."""

    turn: float = 0.5
    start: float = 60.0
    """For a claimed run to get a process."""
    silence: float = 120.0
    """For the next heartbeat: longer than a database is ever locked."""
    stop: float = 30.0
    """For a worker to hear of the stop; then it is told to end by SIGTERM."""
    terminate: float = 10.0
    """For a told worker to end; then it is killed with everything it started."""
    tidy: float = 600.0
    """For a worker that has heard, to write its checkpoint and export its prompt."""
    leave: float = 30.0
    """For the process of a run that has ended, to be gone."""
    sweep: float = 3600.0


@dataclass
class _Watch:
    """What the runner has seen of one attempt at a run."""

    beats: int
    beat_at: float
    stop_at: float | None = None
    told_at: float | None = None
    ended_at: float | None = None


class Runner:
    """One turn is small and survives whatever happens in it; several runners may share a database."""

    def __init__(
        self,
        store: JobStore,
        executor: Executor,
        devices: Sequence[str],
        *,
        auto_resume: bool = True,
        patience: Patience = Patience(),
        sweep: Callable[[], None] = lambda: None,
    ) -> None:
        """`devices`: the device of each slot, "" for the CPU; `sweep` is called now and then to free disk space."""
        self._store, self._executor, self._devices = store, executor, tuple(devices)
        self._resumes = _MOST_RESUMES if auto_resume else 0
        self._patience, self._sweep = patience, sweep
        self._watches: dict[tuple[str, int], _Watch] = {}
        self._swept_at = float("-inf")
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runner", daemon=True)

    def start(self) -> None:
        """Takes turns in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Takes no more turns; workers go on and the next runner takes them up."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout=60)

    def turn(self) -> None:
        """Looks after every active run, frees slots, starts what can start. Never raises."""
        for part in (self._look_after, self._free_slots, self._fill_slots, self._sweep_sometimes):
            try:
                part()
            except Exception:  # the next turn sees the same database and tries again
                _log.exception("The runner goes on after an error.")

    def _run(self) -> None:
        while not self._closing.is_set():
            self.turn()
            self._closing.wait(self._patience.turn)

    def _look_after(self) -> None:
        active = self._store.active()
        leaving = self._store.leaving(self._executor.host)
        known = {(job.id, job.attempts) for job in (*active, *leaving)}
        self._watches = {key: watch for key, watch in self._watches.items() if key in known}
        for job in active:
            self._judge(job, self._watch(job))

    def _judge(self, job: Job, watch: _Watch) -> None:
        silent = time.monotonic() - watch.beat_at
        here = job.host == self._executor.host
        if job.worker is None:
            if silent > self._patience.start:
                self._vanished(job, "Its worker never started.")
        elif here and not self._executor.is_alive(job.worker):
            self._vanished(job, "Its worker vanished: it was killed, ran out of memory, or the machine was restarted.")
        elif silent > self._patience.silence:
            if not here or self._executor.stop(job.worker, force=True):
                self._vanished(job, f"Its worker on {job.host} gave no sign of life for {silent:.0f} seconds.")
        elif here and job.state is JobState.STOPPING:
            self._press(job, job.worker, watch)

    def _press(self, job: Job, worker: Worker, watch: _Watch) -> None:
        """Lets a worker that has heard of the stop tidy up, and is firmer and firmer with one that has not."""
        now = time.monotonic()
        watch.stop_at = watch.stop_at or now
        allowed = self._patience.tidy if job.stop_heard else self._patience.stop
        if watch.told_at is None:
            if now - watch.stop_at > allowed:
                self._executor.stop(worker, force=False)
                watch.told_at = now
        elif now - watch.told_at > self._patience.terminate and self._executor.stop(worker, force=True):
            self._vanished(
                job, "Its worker did not answer and was ended; what it learned since its last checkpoint is lost."
            )

    def _vanished(self, job: Job, reason: str) -> None:
        if job.worker is not None and job.host == self._executor.host:
            self._executor.stop(job.worker, force=True)  # what it started may have outlived it
        self._store.vanished(job.id, job.attempts, reason, self._resumes)

    def _free_slots(self) -> None:
        for job in self._store.leaving(self._executor.host):
            watch = self._watch(job)
            watch.ended_at = watch.ended_at or time.monotonic()
            late = time.monotonic() - watch.ended_at > self._patience.leave
            if job.worker is None or (
                (late or not self._executor.is_alive(job.worker)) and self._executor.stop(job.worker, force=True)
            ):
                self._store.release(job.id)

    def _fill_slots(self) -> None:
        while not self._closing.is_set() and (job := self._store.claim(self._executor.host, range(len(self._devices)))):
            try:
                worker = self._executor.start(job, environment(job.slots, self._devices))
            except OSError as error:
                sentence = f"The worker could not be started: {error.strerror or error}."
                self._store.finish(job.id, JobState.FAILED, error=sentence, attempt=job.attempts)
                return
            self._store.started(job.id, job.attempts, worker)

    def _sweep_sometimes(self) -> None:
        if time.monotonic() - self._swept_at > self._patience.sweep:
            self._swept_at = time.monotonic()
            self._sweep()

    def _watch(self, job: Job) -> _Watch:
        watch = self._watches.setdefault((job.id, job.attempts), _Watch(job.beats, time.monotonic()))
        if watch.beats != job.beats:
            watch.beats, watch.beat_at = job.beats, time.monotonic()
        return watch
