"""When a queued run will start and how long a run will take, as far as the runs before it let one say."""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from storage.jobs import Job, JobState, JobStore

_RECENT_RUNS = 20


@dataclass(frozen=True)
class Speed:
    """How fast a run went."""

    rows_per_second: float
    """Of one GPU, where there were several."""
    scoring_seconds: float
    """Of one scoring of the held-out rows."""

    def seconds(self, train: Mapping[str, Any], steps: int, done: int = 0) -> float:
        """What the steps after `done` will take, and the scorings that belong to them; train: as in a recipe.

        Each of several GPUs reads a batch of its own, so their number changes nothing.
        """
        rows = (steps - done) * train.get("batch_size", 1) * train.get("accumulation", 1)
        every = max(1, train.get("evaluate_every", steps))
        scorings = -(-steps // every) - done // every
        return float(rows / self.rows_per_second + scorings * self.scoring_seconds)


def speed_on(store: JobStore, backbone: str) -> Speed | None:
    """How fast the newest run on a backbone went; None when none of the last runs tells."""
    for job in store.list(_RECENT_RUNS):
        if job.config.get("backbone") == backbone and job.step:
            rows = [value for _, value in store.curve(job.id, "rows_per_second", 100) if value > 0]
            if rows:
                scoring = store.latest_metrics(job.id).get("scoring_seconds", 0.0)
                return Speed(statistics.median(rows) / job.gpus, scoring)
    return None


@dataclass(frozen=True)
class Place:
    """A run's place in the queue."""

    position: int
    """1: the next one to start."""
    starts_in: timedelta | None
    """None when nothing tells how long the runs before it take."""
    fits: bool = True
    """Whether this studio has as many GPUs as it asks for."""


def places(store: JobStore, slots: int, now: datetime) -> dict[str, Place]:
    """The place of every queued run, if `slots` runs go at once and steps take as long as they did lately."""
    pace = store.pace()
    free_at = [_left(job, pace, now) for job in store.active() for _ in range(job.gpus)]
    free_at += [0.0] * (slots - len(free_at))
    order = store.queue()
    waiting = {job.id: job for job in store.list(len(order), states=[JobState.QUEUED])} if order else {}
    queued = [waiting[id] for id in order if id in waiting]
    found: dict[str, Place] = {}
    heap = [seconds for seconds in free_at if seconds is not None]
    known = len(heap) == len(free_at)
    heapq.heapify(heap)
    earliest = 0.0  # nobody is overtaken, so that a run that needs several slots gets them
    for position, job in enumerate(queued, start=1):
        if job.gpus > slots:  # another host's
            found[job.id] = Place(position, None, fits=False)
            continue
        starts = max(earliest, *(heapq.heappop(heap) for _ in range(job.gpus))) if known else None
        found[job.id] = Place(position, None if starts is None else timedelta(seconds=starts))
        if starts is None or pace is None:
            known = False
        else:
            earliest = starts
            for _ in range(job.gpus):
                heapq.heappush(heap, starts + max(0, job.steps - job.step) * pace)
    return found


def _left(job: Job, pace: float | None, now: datetime) -> float | None:
    """Seconds that a running run still takes, by its own pace or else by the others'."""
    if job.step > 0 and job.attempts == 1 and job.started_at is not None:
        pace = max(0.0, (now - job.started_at).total_seconds()) / job.step
    return None if pace is None else max(0, job.steps - job.step) * pace
