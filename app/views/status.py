"""The status of a run in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.views.estimates import Place
from app.views.formatting import about, duration
from app.views.score_text import RunScores, gained_nothing
from storage.job_rows import IMPORTED
from storage.records import Job
from storage.states import JobState

_WORDS = {
    JobState.QUEUED: ("Waiting", "calm"),
    JobState.RUNNING: ("Running", "active"),
    JobState.STOPPING: ("Stopping", "active"),
    JobState.DONE: ("Done", "good"),
    JobState.FAILED: ("Failed", "bad"),
    JobState.STOPPED: ("Stopped", "calm"),
    JobState.INTERRUPTED: ("Interrupted", "warn"),
}


@dataclass(frozen=True)
class Status:
    """The status of a run in words."""

    label: str
    tone: str
    """"calm", "active", "good", "warn" or "bad"."""
    sentence: str
    share: float
    """Share of the run that is done, between 0 and 1."""
    time: str
    """The remaining, total or waiting time of the run; empty if it is unknown."""
    moving: bool
    """Whether the run waits or works while its share is unknown."""


def state_words(state: JobState) -> tuple[str, str]:
    """Returns (word, tone) for a state."""
    return _WORDS[state]


def describe_status(job: Job, now: datetime, seconds: float | None = None, place: Place | None = None) -> Status:
    """Describes the status of a run. seconds: until a training run ends; place: a waiting run's place in the queue."""
    label, tone = _WORDS[job.state]
    if job.kind == IMPORTED:
        trained = f"Trained elsewhere for {job.step:,} steps." if job.step else "Trained elsewhere."
        return Status("Imported", "calm", trained, 1.0, "", moving=False)
    share = min(1.0, job.step / job.steps) if job.steps else 0.0
    step = f"Step {job.step:,} of {job.steps:,}"
    if job.state is JobState.QUEUED:
        return Status(label, tone, _waiting(job, place), share, _start_time(place), moving=True)
    if job.state.active:
        phase = job.phase or "Starting"
        sentence = f"{step} · {phase}" if job.step else phase
        time = "" if seconds is None else f"{about(seconds)} left"
        return Status(label, tone, sentence, share, time, moving=not job.step)
    took = duration((job.finished_at - job.started_at).total_seconds()) if job.finished_at and job.started_at else ""
    if job.state is JobState.DONE:
        early = "" if job.step >= job.steps else " The score had stopped improving."
        tone = "warn" if gained_nothing(RunScores.of(job.scores)) else tone
        return Status(label, tone, f"Trained for {job.step:,} steps.{early}", 1.0, took and f"took {took}", False)
    if job.state is JobState.FAILED:
        step = f"It ended at step {job.step:,} of {job.steps:,}"
    return Status(label, tone, f"{step}.", share, took and f"after {took}", False)


def _waiting(job: Job, place: Place | None) -> str:
    if place is None:
        return "It waits for its turn."
    if place.most_at_once is not None:
        runs = "another run" if place.most_at_once == 1 else "one of the other runs"
        return f"It waits until {runs} of its owner has ended: {place.most_at_once} at once is the most here."
    turn = "It is next in the queue" if place.position == 1 else f"It is number {place.position} in the queue"
    if place.fits:
        return f"{turn}."
    return f"{turn}, and asks for {job.gpus} GPUs, more than this studio has: it waits for another one."


def _start_time(place: Place | None) -> str:
    if place is None or place.starts_in is None:
        return ""
    seconds = place.starts_in.total_seconds()
    return f"starts in {about(seconds)}" if seconds >= 60 else "starts within a minute"
