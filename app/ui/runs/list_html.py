"""The list of runs as HTML: a table, which a narrow page shows as cards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from app.ui import parts
from app.ui.language import t
from app.views import formatting, score_text
from app.views.recipe_settings import changes
from app.views.score_text import RunScores
from app.views.status import describe_status
from storage.listing import Order
from storage.records import Job

_SORTED: dict[str, Order] = {"Name": "name", "Score": "score", "Took": "duration", "Date": "date"}
"""The order of each column by which the list can be sorted."""
_COLUMNS = ("Name", "State", "Score", "Model", "Data", "What differs", "Took", "Date")
_MOST_CHANGES = 2
"""Settings that are named in a line; all of them are in its tooltip."""
_SHOWN_BESIDE = frozenset({"Backbone", "Data set"})
"""Settings that have a column of their own."""
_LONGEST_VALUE = 18
"""Characters of a setting's value that are shown."""

EVENTS = """element.addEventListener('click', (event) => {
    const {restore, sort} = event.target.closest('[data-restore], [data-sort]')?.dataset ?? {}
    if (restore) trigger('click', {run: restore})
    if (sort) trigger('select', {sort})
})"""
"""JavaScript of the list: a click on Bring it back, and one on the head of a column, are events."""


def run_table(runs: Sequence[tuple[Job, Job | None]], order: Order, reverse: bool, now: datetime) -> str:
    """Runs, each with the one that it is compared with, a line each with a box that selects it and a link to its page.

    order, reverse: how they are sorted; now: in the time zone of the person who looks at them.
    """
    lines = "".join(_line(job, earlier, now) for job, earlier in runs)
    return _table(_head(order, reverse), lines) + parts.small(
        "What differs: from the run that it was started from, or else from the one before it on the same data."
    )


def deleted_table(runs: Sequence[tuple[Job, Job | None]], order: Order, reverse: bool, now: datetime) -> str:
    """Deleted runs, each with a button that brings it back; as `run_table`."""
    return _table(
        _head(order, reverse, select="<td></td>"), "".join(_deleted_line(job, earlier, now) for job, earlier in runs)
    )


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


def _table(head: str, lines: str) -> str:
    return f'<table class="ls-runs"><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>'


def _head(order: Order, reverse: bool, select: str = "") -> str:
    box = (
        '<label class="ls-pick"><input type="checkbox" data-select-all aria-label="'
        + t("Select all shown")
        + '"></label>'
    )
    return (select or f"<td>{box}</td>") + "".join(_column(name, order, reverse) for name in _COLUMNS)


def _column(name: str, order: Order, reverse: bool) -> str:
    sorts = _SORTED.get(name)
    if sorts is None:
        return f"<th scope=col>{t(name)}</th>"
    usual_rises = sorts == "name"
    rises = usual_rises is not reverse
    sorted_now = f' aria-sort="{"ascending" if rises else "descending"}"' if sorts == order else ""
    return f'<th scope=col{sorted_now}><button type="button" data-sort="{sorts}">{t(name)}</button></th>'


def _line(job: Job, earlier: Job | None, now: datetime) -> str:
    box = (
        f'<label class="ls-pick"><input type="checkbox" data-select="{escape(job.id)}" '
        f'aria-label="{escape(t(f"Select {job.name}"))}"></label>'
    )
    return f'<tr class="ls-run"><td>{box}</td>{_cells(job, earlier, now)}</tr>'


def _deleted_line(job: Job, earlier: Job | None, now: datetime) -> str:
    back = (
        f'<td class="ls-run-back"><button type="button" data-restore="{escape(job.id)}" '
        f'aria-label="{escape(t(f"Bring it back: {job.name}"))}">{t("Bring it back")}</button></td>'
    )
    return f'<tr class="ls-run ls-deleted">{back}{_cells(job, earlier, now)}</tr>'


def _cells(job: Job, earlier: Job | None, now: datetime) -> str:
    status = describe_status(job, now)
    percent = f" {100 * status.share:.0f} %" if job.state.active and job.step else ""
    bar = parts.bar(status.share, f"Progress of {job.name}", status.moving, status.tone) if job.state.active else ""
    local = job.created_at.astimezone(now.tzinfo)
    return (
        f'<th scope="row" class="ls-run-name"><a href="runs?run={escape(job.id)}">{escape(job.name)}</a>'
        f"{parts.tags(job.tags)}</th>"
        f'<td class="ls-run-state">{parts.pill(t(status.label) + percent, status.tone)}{bar}</td>'
        f'<td class="ls-run-score">{_score(job)}</td>'
        f'<td class="ls-run-model">{escape(formatting.backbone_name(job.backbone))}</td>'
        f'<td class="ls-run-data">{escape(job.dataset_name)}</td>'
        f'<td class="ls-run-differs">{_differences(job, earlier)}</td>'
        f'<td class="ls-run-took">{escape(t(_took(job, now)))}</td>'
        f'<td class="ls-run-date"><time datetime="{job.created_at.isoformat()}" title="{local:%Y-%m-%d %H:%M:%S}">'
        f"{formatting.moment(job.created_at, now)}</time></td>"
    )


def _score(job: Job) -> str:
    scores = RunScores.of(job.scores)
    metric = score_text.main_metric(scores.tuned)
    if metric is None:
        return (
            f'<small class="ls-error" title="{escape(t(job.error))}">{escape(t(job.error))}</small>'
            if job.error
            else ""
        )
    score = score_text.compare_score(metric, scores.tuned[metric], scores.untrained.get(metric))
    remark = ", ".join(filter(None, (t(score.label), t(score.gain))))
    if score_text.gained_nothing(scores):
        remark += t(": no better than untrained")
    return f"<b>{escape(score.tuned)}</b><small>{escape(remark)}</small>"


def _differences(job: Job, earlier: Job | None) -> str:
    """The first settings in which a run differs from the one that it is compared with; all of them as a tooltip."""
    if earlier is None:
        return ""
    compared = escape(t(f"Compared with {earlier.name}"))
    named = [_change(*change) for change in changes(job, earlier)]
    if not named:
        return f'<small title="{compared}">{t("nothing")}</small>'
    more = t(f" and {len(named) - _MOST_CHANGES} more") if named[_MOST_CHANGES:] else ""
    shown = ", ".join(named[:_MOST_CHANGES]) + more
    return f'<span title="{compared}: {escape(", ".join(named))}">{escape(shown)}</span>'


def _change(name: str, before: str, now: str) -> str:
    if name in _SHOWN_BESIDE or max(len(before), len(now)) > _LONGEST_VALUE:
        return t(f"{name} changed")
    return f"{t(name)} {before} → {now}"


def _took(job: Job, now: datetime) -> str:
    if job.started_at and job.finished_at:
        return formatting.duration((job.finished_at - job.started_at).total_seconds())
    if job.started_at and job.state.active:
        return f"{formatting.about((now - job.started_at).total_seconds()).removeprefix('about ')} so far"
    return ""
