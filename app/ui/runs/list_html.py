"""The list of runs as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from app.ui import parts
from app.views import formatting, score_text
from app.views.score_text import RunScores
from app.views.status import describe_status
from storage.records import Job


def run_list(jobs: Sequence[Job], now: datetime) -> str:
    """The runs, one card a line, each a link to its page."""
    return '<div class="ls-runs">' + "".join(_card(job, now) for job in jobs) + "</div>"


def nothing(runs_exist: bool) -> str:
    """Instead of an empty list. runs_exist: whether there are runs that the filters hide."""
    if runs_exist:
        return parts.empty("No run matches", "Choose another filter, or clear the search.")
    return parts.empty(
        "No runs yet",
        "A run is one training of one prompt. The sample is ready to start: it takes a few minutes.",
        "./",
        "Start the first run",
    )


def _card(job: Job, now: datetime) -> str:
    status = describe_status(job, now)
    details = " · ".join(filter(None, (formatting.backbone_name(job.backbone), job.dataset_name)))
    bar = parts.bar(status.share, f"Progress of {job.name}", status.moving and job.state.active, status.tone)
    made = parts.moment(job.created_at, formatting.age(job.created_at, now))
    return (
        f'<a class="ls-run" href="runs?run={escape(job.id)}">'
        f'<div class="ls-run-name"><strong>{escape(job.name)}</strong>'
        f"<small>{escape(details)} · {made}{parts.tags(job.tags)}</small></div>"
        f"<div>{parts.pill(status.label, status.tone)}</div>"
        f'<div class="ls-run-bar">{bar}<small>{job.step:,} / {job.steps:,} steps</small></div>'
        f'<div class="ls-run-score">{_score(job)}</div></a>'
    )


def _score(job: Job) -> str:
    scores = RunScores.of(job.scores)
    metric = score_text.main_metric(scores.tuned)
    if metric is None:
        return '<small class="ls-error">' + escape(job.error) + "</small>" if job.error else ""
    score = score_text.compare_score(metric, scores.tuned[metric], scores.untrained.get(metric))
    remark = f"{score.label}, {score.gain}" if score.gain else score.label
    return f"<b>{escape(score.tuned)}</b><small>{escape(remark)}</small>"
