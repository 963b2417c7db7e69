"""The SQL of lists of runs: which runs they contain, in which order, and the run that each is compared with."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.orm import aliased

from storage.database import utc_now
from storage.job_rows import ACTIVE, LISTED
from storage.owners import Owner
from storage.states import JobState
from storage.tables import JobRow

Order = Literal["date", "name", "score", "duration"]
"""By date (newest first), name, score (best first), or duration (longest first)."""
ORDERS: tuple[Order, ...] = get_args(Order)


def ordering(order: Order, reverse: bool, dialect: str) -> list[ColumnElement[Any]]:
    """Returns the columns to order runs by; runs without a score or a duration come last in either direction."""
    newest = JobRow.number.desc()

    def rising(column: ColumnElement[Any], rises: bool) -> ColumnElement[Any]:
        return (column.asc() if rises is not reverse else column.desc()).nulls_last()

    if order == "name":
        return [rising(func.lower(JobRow.name), True), newest]
    if order == "score":
        share, loss = _score("accuracy", "rouge_l", dialect=dialect), _score("loss", dialect=dialect)
        return [rising(share, False), rising(loss, True), newest]
    if order == "duration":
        return [rising(_duration(dialect), False), newest]
    return [JobRow.number.asc() if reverse else newest]


def earlier_run() -> ColumnElement[int]:
    """Selects the number of the run that a run was started from, or else of its owner's previous run on the same data
    set."""
    parent, other = aliased(JobRow), aliased(JobRow)
    started_from = select(parent.number).where(
        parent.id == JobRow.parent, parent.owner == JobRow.owner, parent.deleted_at.is_(None)
    )
    same_data = (
        select(other.number)
        .where(
            other.dataset == JobRow.dataset,
            other.owner == JobRow.owner,
            JobRow.kind == "run",  # an imported prompt was not made here, so nothing was changed in its recipe
            other.number < JobRow.number,
            other.kind == "run",
            other.deleted_at.is_(None),
        )
        .order_by(other.number.desc())
        .limit(1)
    )
    return func.coalesce(
        started_from.correlate(JobRow).scalar_subquery(), same_data.correlate(JobRow).scalar_subquery()
    )


def _score(*metrics: str, dialect: str) -> ColumnElement[Any]:
    """Selects the first metric that a run has, in the order of preference of lists."""
    scores: Any = JobRow.scores
    if dialect != "postgresql":  # versions before this one could store a score that is no number, and SQLite no JSON
        scores = case((func.json_valid(JobRow.scores) == 1, JobRow.scores), else_=None)
    values = [scores[metric].as_float() for metric in metrics]
    return func.coalesce(*values) if values[1:] else values[0]


def _duration(dialect: str) -> ColumnElement[Any]:
    """Selects the time from a run's last start to its end, or to now while it is running."""
    end = case((JobRow.state.in_(ACTIVE), utc_now()), else_=JobRow.finished_at)
    started: Any = JobRow.started_at
    return end - started if dialect == "postgresql" else func.julianday(end) - func.julianday(started)


def matching(
    states: Collection[JobState] | None,
    owner: Owner,
    text: str,
    deleted: bool,
    dialect: str,
    *,
    comparisons: bool = False,
) -> Iterable[ColumnElement[bool]]:
    """Returns the conditions of a list; see JobStore.list."""
    if not comparisons:
        yield JobRow.kind.in_(LISTED)
    yield JobRow.deleted_at.is_not(None) if deleted else JobRow.deleted_at.is_(None)
    if states is not None:
        yield JobRow.state.in_(states)
    yield owner.sees(JobRow.owner)
    searched = (JobRow.name, JobRow.note, JobRow.dataset_name, _backbone_name())
    each_tag = func.json_array_elements_text if dialect == "postgresql" else func.json_each
    for word in text.split():
        tag = each_tag(JobRow.tags).table_valued("value")
        in_a_tag = select(1).select_from(tag).where(tag.c.value.icontains(word, autoescape=True)).exists()
        yield or_(in_a_tag, *(column.icontains(word, autoescape=True) for column in searched))


def _backbone_name() -> ColumnElement[str]:
    """Selects what follows the last slash of the backbone, ignoring slashes at its end, as pages show it."""
    reference = func.rtrim(JobRow.backbone, "/")
    folder = func.rtrim(reference, func.replace(reference, "/", ""))  # drops every character behind the last slash
    return func.substr(reference, func.length(folder) + 1)
