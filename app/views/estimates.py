"""How long a run takes, how much of that is left, and when a queued run will start."""

from __future__ import annotations

import heapq
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial

from app.run import Run
from app.views.rate_search import competing, tried_rates
from lamp.config import Found, TrainConfig
from lamp.errors import ConfigError
from lamp.training.halving import work_left
from storage.jobs import Job, JobState, JobStore
from storage.quota import ANY_NUMBER, AtOnce

Points = Sequence[tuple[int, float]]
"""(step, value) in rising steps."""
_STEPS_TO_JUDGE = 3
"""Steps after which the time left of a run is estimated: the first ones are slower."""
_RECENT_STEPS = 20
"""Points of the curve of rows per second that the time left is estimated from."""


@dataclass(frozen=True)
class Speed:
    """How fast a run trains."""

    rows_per_second: float
    """Rows that one GPU reads in a second, however many GPUs the run has."""
    scoring_seconds: float
    """Seconds that one scoring of the held-out rows takes."""

    def seconds(self, train: TrainConfig, done: int = 0, competing: int | None = None) -> float:
        """Seconds for the steps after `done`, and for the scorings that belong to them.

        competing: how many prompts are still trained, where that is known. Each of several GPUs reads a batch of its
        own, so their number changes nothing.
        """
        left = work_left(train, done, competing)
        rows = left.steps * train.batch_size * train.accumulation
        return rows / self.rows_per_second + left.scorings * self.scoring_seconds


@dataclass(frozen=True)
class WholeRun:
    """A run from its start at the speed of an earlier one; the untrained backbone is scored too."""

    speed: Speed

    def seconds(self, train: TrainConfig) -> float:
        """Seconds of the run."""
        return self.speed.seconds(train) + self.speed.scoring_seconds


def speed_on(store: JobStore, backbone: str) -> Speed | None:
    """How fast the newest run on a backbone went; None when no run has trained on it."""
    job = store.newest_with("rows_per_second", backbone)
    if job is None:
        return None
    return _speed(store.curve(job.id, "rows_per_second", 100), job.gpus, _scoring_seconds(store, job))


def seconds_trained(store: JobStore, run: Run, learning_rate: float | Found) -> float | None:
    """Seconds that the steps which a run took are worth at its speed, with their scorings; None where that is unknown.

    learning_rate: whether they include the search for a rate.
    """
    job = run.job
    speed = _speed(store.curve(job.id, "rows_per_second", 100), job.gpus, _scoring_seconds(store, job))
    train = replace(run.config.train, steps=max(1, job.step), learning_rate=learning_rate)
    return None if speed is None else speed.seconds(train)


def seconds_left(
    job: Job, train: TrainConfig, rows_per_second: Points, scoring: float, competing: int | None = None
) -> float | None:
    """Seconds that a running run still trains at its latest speed; None while that is unknown.

    rows_per_second: the run's curve of that name; scoring: seconds of its last scoring; competing: how many prompts are
    still trained, where that is known.
    """
    recent = [(step, value) for step, value in rows_per_second[-_RECENT_STEPS:] if value > 0]
    if job.state is not JobState.RUNNING or len(recent) < _STEPS_TO_JUDGE or job.steps <= job.step:
        return None
    speed = _speed(recent, job.gpus, scoring)
    return speed.seconds(train, job.step, competing) if speed else None


@dataclass(frozen=True)
class Place:
    """A run's place in the queue."""

    position: int
    """1: the next one to start."""
    starts_in: timedelta | None
    """None when it is unknown how long the runs before it take."""
    fits: bool = True
    """Whether this studio has as many GPUs as it asks for."""
    most_at_once: int | None = None
    """The number of its owner's runs that may be at work, where it waits for one of them; else None."""


def places(store: JobStore, slots: int, at_once: AtOnce = ANY_NUMBER) -> dict[str, Place]:
    """The place of every queued run, by its id, on a studio with this number of slots.

    at_once: as of `claim`; when a run starts that waits for others of its owner is not calculated.
    """
    speed = cache(partial(speed_on, store))
    free_at = [_seconds_left(store, job, speed) for job in store.active() for _ in range(job.gpus)]
    free_at += [0.0] * (slots - len(free_at))
    order = store.queue()
    queued_jobs = store.list(len(order), states=[JobState.QUEUED], comparisons=True) if order else []
    waiting = {job.id: job for job in queued_jobs}
    queued = [waiting[id] for id in order if id in waiting]
    result: dict[str, Place] = {}
    free = [seconds for seconds in free_at if seconds is not None]
    known = len(free) == len(free_at)
    heapq.heapify(free)
    earliest = 0.0  # nobody is overtaken, so that a run that needs several slots gets them
    of_owner = Counter({} if at_once.most is None else store.active_by_owner())
    for position, job in enumerate(queued, start=1):
        if at_once.is_full(job.owner, of_owner):
            result[job.id] = Place(position, None, most_at_once=at_once.most)
            known = False
            continue
        if job.gpus > slots:  # only another host can run it
            result[job.id] = Place(position, None, fits=False)
            continue
        of_owner[job.owner] += 1
        starts = max(earliest, *(heapq.heappop(free) for _ in range(job.gpus))) if known else None
        result[job.id] = Place(position, None if starts is None else timedelta(seconds=starts))
        duration = _seconds_at(store, speed(job.backbone), job) if starts is not None else None
        if starts is None or duration is None:
            known = False
        else:
            earliest = starts
            for _ in range(job.gpus):
                heapq.heappush(free, starts + duration)
    return result


def _seconds_left(store: JobStore, job: Job, speed: Callable[[str], Speed | None]) -> float | None:
    """Seconds until an active run ends, by its own speed or else by that of the newest run on its backbone."""
    train = _train_config(job)
    if job.state is JobState.STOPPING:
        return 0.0
    if train is None:
        return None
    rows_per_second, scoring = store.curve(job.id, "rows_per_second"), _scoring_seconds(store, job)
    seconds = seconds_left(job, train, rows_per_second, scoring, _competing(store, job))
    return _seconds_at(store, speed(job.backbone), job) if seconds is None else seconds


def _seconds_at(store: JobStore, speed: Speed | None, job: Job) -> float | None:
    """Seconds that the rest of a run takes at a speed; None where the speed or its recipe is unknown."""
    train = _train_config(job)
    if speed is None or train is None:
        return None
    return max(0.0, speed.seconds(train, job.step, _competing(store, job)))


def _competing(store: JobStore, job: Job) -> int | None:
    """How many prompts of a run are still trained, where that is known."""
    if not job.step:  # nothing was compared yet; a long queue is not asked about run by run
        return None
    return competing(tried_rates(store.latest_metrics(job.id), partial(store.short_curves, job.id)))


def _train_config(job: Job) -> TrainConfig | None:
    try:
        return Run.of(job).config.train
    except ConfigError:  # of a version that this one cannot read
        return None


def _scoring_seconds(store: JobStore, job: Job) -> float:
    return store.latest_metrics(job.id).get("scoring_seconds", 0.0)


def _speed(rows_per_second: Points, gpus: int, scoring: float) -> Speed | None:
    rows = [value for _, value in rows_per_second if value > 0]
    return Speed(statistics.median(rows) / gpus, scoring) if rows else None
