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
    """The runs as cards, one below the other, each a link to the run's page."""
    return '<div class="ls-runs">' + "".join(_card(job, now) for job in jobs) + "</div>"


RESTORE = """element.addEventListener('click', (event) => {
    const run = event.target.closest('[data-restore]')?.dataset.restore
    if (run) trigger('click', {run})
})"""
"""JavaScript of the list: a click on Bring it back is an event with the run's id."""


def empty_bin() -> str:
    """What is shown when no run is deleted."""
    return parts.empty("No deleted runs", "A deleted run stays here for a day, and can be brought back until then.")


def empty_list(runs_exist: bool) -> str:
    """What is shown when no run is listed. runs_exist: whether there are runs that the filters hide."""
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
    link = f'href="runs?run={escape(job.id)}"'
    if job.deleted_at is not None:
        return (
            f'<div class="ls-run ls-deleted"><div class="ls-run-name"><strong><a {link}>{escape(job.name)}</a></strong>'
            f"<small>deleted {parts.moment(job.deleted_at, now)}{parts.tags(job.tags)}</small></div>"
            f"<div>{parts.pill(status.label, status.tone)}</div>"
            f'<button type="button" data-restore="{escape(job.id)}">Bring it back</button></div>'
        )
    details = " · ".join(filter(None, (formatting.backbone_name(job.backbone), job.dataset_name)))
    bar = parts.bar(status.share, f"Progress of {job.name}", status.moving and job.state.active, status.tone)
    made = parts.moment(job.created_at, now)
    return (
        f'<a class="ls-run" {link}>'
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
    if score_text.gained_nothing(scores):
        remark += ": no better than untrained"
    return f"<b>{escape(score.tuned)}</b><small>{escape(remark)}</small>"
