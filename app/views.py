"""Runs as people read them: states in words, times, scores, curves and rows. Values in, values out."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.jobs.forecast import Place, Speed
from storage.states import JobState
from storage.values import Job

Points = Sequence[tuple[int, float]]

_WORDS = {
    JobState.QUEUED: ("Waiting", "calm"), JobState.RUNNING: ("Running", "active"),
    JobState.STOPPING: ("Stopping", "active"), JobState.DONE: ("Done", "good"), JobState.FAILED: ("Failed", "bad"),
    JobState.STOPPED: ("Stopped", "calm"), JobState.INTERRUPTED: ("Interrupted", "warn"),
}
_SCORES = {
    "accuracy": "Accuracy", "macro_f1": "Macro F1", "matthews": "Matthews correlation", "exact_match": "Exact match",
    "token_f1": "Token F1", "rouge_l": "ROUGE-L", "bleu": "BLEU", "perplexity": "Perplexity", "loss": "Loss",
}
_SHARES = {"accuracy", "macro_f1", "exact_match", "token_f1", "rouge_l"}
_STEPS_TO_JUDGE = 3
"""Steps before the time left is told: the first ones warm up."""
_LOWER_IS_BETTER = {"loss", "perplexity"}


@dataclass(frozen=True)
class Status:
    """Where a run stands, in words."""

    label: str
    tone: str
    """"calm", "active", "good", "warn" or "bad"."""
    sentence: str
    share: float
    """How much of it is done, between 0 and 1."""
    left: str
    """Time left, or how long it took."""
    moving: bool
    """Whether it is working, without a known share of the work done."""


@dataclass(frozen=True)
class Score:
    """One score of a run beside the untrained backbone's."""

    name: str
    tuned: str
    untrained: str
    gain: str
    """The difference, signed; empty when there is nothing to compare with."""
    better: bool


def state_words(state: JobState) -> tuple[str, str]:
    """(word, tone) for a state."""
    return _WORDS[state]


def duration(seconds: float) -> str:
    """"45 s", "3 min 20 s", "1 h 05 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def about(seconds: float) -> str:
    """"about 5 min", "less than a minute"."""
    if seconds < 60:
        return "less than a minute"
    return "about " + duration(round(seconds / 60) * 60).removesuffix(" 00 s")


def age(then: datetime, now: datetime) -> str:
    """"just now", "5 min ago", "3 h ago", "2 days ago", or the date."""
    seconds = (now - then).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 86_400:
        return f"{int(seconds // 3600)} h ago"
    if seconds < 14 * 86_400:
        days = int(seconds // 86_400)
        return "yesterday" if days == 1 else f"{days} days ago"
    return f"{then:%d %b %Y}"


def seconds_left(job: Job, rows_per_second: Points, scoring: float = 0.0) -> float | None:
    """Seconds that are left at the latest speed, scorings of `scoring` seconds included; None while little is known."""
    recent = [value for _, value in rows_per_second[-20:] if value > 0]
    if job.state is not JobState.RUNNING or len(recent) < _STEPS_TO_JUDGE or job.steps <= job.step:
        return None
    speed = Speed(statistics.median(recent) / job.gpus, scoring)
    return speed.seconds(job.config.get("train", {}), job.steps, job.step)


def status(job: Job, now: datetime, left: float | None = None, place: Place | None = None) -> Status:
    """What the head of a run's page says. left: seconds of training left; place: where it stands in the queue."""
    label, tone = _WORDS[job.state]
    share = min(1.0, job.step / job.steps) if job.steps else 0.0
    step = f"Step {job.step:,} of {job.steps:,}"
    if job.state is JobState.QUEUED:
        return Status(label, tone, _waiting(job, place), share, _expected(place), moving=True)
    if job.state.active:
        phase = job.phase or "Starting"
        sentence = f"{step} · {phase}" if job.step else phase
        return Status(label, tone, sentence, share, _left(left), moving=not job.step)
    took = duration((job.finished_at - job.started_at).total_seconds()) if job.finished_at and job.started_at else ""
    if job.state is JobState.DONE:
        early = "" if job.step >= job.steps else " The score had stopped improving."
        return Status(label, tone, f"Trained for {job.step:,} steps.{early}", 1.0, took and f"took {took}", False)
    if job.state is JobState.FAILED:
        step = f"It ended at step {job.step:,} of {job.steps:,}"
    return Status(label, tone, f"{step}.", share, took and f"after {took}", False)


def score_name(metric: str) -> str:
    """What people call a metric: "validation/macro_f1" is "Macro F1"."""
    name = metric.removeprefix("validation/").removeprefix("untrained_")
    return _SCORES.get(name, name.replace("_", " ").capitalize())


def score_text(metric: str, value: float) -> str:
    """A score with its unit: "87.5 %" for a share, a plain number else."""
    name = metric.removeprefix("validation/").removeprefix("untrained_")
    return f"{100 * value:.1f} %" if name in _SHARES else f"{value:.3g}"


def main_score(names: Sequence[str]) -> str | None:
    """The one score that is shown first, without prefix: accuracy, or the loss of a run that writes texts."""
    plain = {name.removeprefix("validation/") for name in names}
    return next((name for name in ("accuracy", "rouge_l", "loss") if name in plain), None)


def scores(found: Mapping[str, float]) -> list[Score]:
    """A finished run's scores beside the untrained backbone's, the well-known ones first."""
    order = [*_SCORES, *sorted(set(found) - set(_SCORES))]
    return [compared(name, found[name], found.get(f"untrained_{name}"))
            for name in order if name in found and not name.startswith("untrained_")]


def best_point(points: Points, metric: str) -> tuple[int, float] | None:
    """(step, value) of the best score after training began."""
    trained = [point for point in points if point[0] > 0]
    if not trained:
        return None
    sign = -1 if metric in _LOWER_IS_BETTER else 1
    return max(trained, key=lambda point: sign * point[1])


def compared(metric: str, tuned: float, untrained: float | None) -> Score:
    """One score beside the untrained backbone's."""
    name = metric.removeprefix("validation/")
    if untrained is None:
        return Score(score_name(name), score_text(name, tuned), "", "", better=True)
    gap = tuned - untrained
    better = gap <= 0 if name in _LOWER_IS_BETTER else gap >= 0
    text = f"{100 * gap:+.1f} points" if name in _SHARES else f"{gap:+.3g}"
    return Score(score_name(name), score_text(name, tuned), score_text(name, untrained), text.replace("-", "−"), better)


def smoothed(points: Points) -> list[tuple[int, float]]:
    """The points with their noise averaged out: an exponential mean over about a twentieth of them."""
    weight = 1 - 1 / max(3.0, len(points) / 20)
    total = norm = 0.0
    found = []
    for step, value in points:
        total, norm = weight * total + (1 - weight) * value, weight * norm + (1 - weight)
        found.append((step, total / norm))
    return found


def span(points: Points) -> tuple[float, float] | None:
    """Lower and upper end of an axis that holds most points; a few wild ones may leave it."""
    values = sorted(value for _, value in points)
    if not values:
        return None
    high = values[min(len(values) - 1, int(0.98 * len(values)))]
    low = min(0.0, values[0])
    return low, (high * 1.1 if high > low else low + 1.0)


def probabilities(tuned: Mapping[str, float], untrained: Mapping[str, float],
                  most: int = 12) -> list[tuple[str, float, float]]:
    """(label, tuned, untrained), the tuned prompt's likeliest first."""
    labels = sorted(tuned, key=lambda label: -tuned[label])
    return [(label, tuned[label], untrained.get(label, 0.0)) for label in labels[:most]]


def as_dict(job: Job, metrics: Mapping[str, float] | None = None) -> dict[str, Any]:
    """A run as a script reads it."""
    def time(value: datetime | None) -> str | None:
        return value.isoformat() if value else None

    found: dict[str, Any] = {
        "id": job.id, "name": job.name, "state": job.state.value, "step": job.step, "steps": job.steps,
        "phase": job.phase, "error": job.error, "scores": dict(job.scores), "backbone": job.config.get("backbone", ""),
        "dataset": job.dataset, "dataset_name": job.dataset_name, "gpus": job.gpus,
        "tags": list(job.tags), "note": job.note,
        "created_at": time(job.created_at), "started_at": time(job.started_at), "finished_at": time(job.finished_at),
        "ready": job.artifact is not None,
    }
    return found if metrics is None else {**found, "metrics": dict(metrics), "recipe": job.config}


def rows(number: int) -> str:
    """"1 row", "1,200 rows"."""
    return f"{number:,} row{'' if number == 1 else 's'}"


def count(number: float) -> str:
    """"134.5 M", "5,416"."""
    for size, unit in ((1e9, "B"), (1e6, "M")):
        if number >= size:
            return f"{number / size:.4g} {unit}"
    return f"{number:,.0f}"


def bytes_text(size: int) -> str:
    """"26.4 kB", "1.2 MB", "40.0 GB"."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB" if size >= 1000 else f"{size} bytes"


def _waiting(job: Job, place: Place | None) -> str:
    if place is None:
        return "It waits for its turn."
    found = "It is next in the queue" if place.position == 1 else f"It is number {place.position} in the queue"
    if place.fits:
        return f"{found}."
    return f"{found}, and asks for {job.gpus} GPUs, more than this studio has: it waits for another one."


def _expected(place: Place | None) -> str:
    if place is None or place.starts_in is None:
        return ""
    seconds = place.starts_in.total_seconds()
    return f"starts in {about(seconds)}" if seconds >= 60 else "starts within a minute"


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f"{about(seconds)} left"
