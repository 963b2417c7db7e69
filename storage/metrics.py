"""Metrics of runs: written in batches, read as curves that are thinned without losing a peak."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Integer, ScalarSelect, cast, insert, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from storage.tables import MetricRow, SeriesRow

Value = tuple[int, str, float]
"""(step, name, value)"""


def record(session: Session, job: int, values: Iterable[Value]) -> None:
    """Stores values; a step that was logged before gets the new value, because a resumed run repeats some steps.

    Values that are not finite are left out: no curve can show them, and JSON cannot hold them.
    """
    latest = {(name, step): float(value) for step, name, value in values if math.isfinite(value)}
    if not latest:
        return
    series = _series(session, job, {name for name, _ in latest})
    rows = [{"series": series[name], "step": step, "value": value} for (name, step), value in latest.items()]
    statement = _insert(session)(MetricRow.__table__)
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=["series", "step"], set_={"value": statement.excluded.value}),
        rows,
    )


def copy(session: Session, source: int, target: int) -> None:
    """Copies all curves of run `source` to run `target`, inside the database."""
    series = _series(session, target, _numbers(session, source))
    for name, number in _numbers(session, source).items():
        session.execute(
            insert(MetricRow).from_select(
                ["series", "step", "value"],
                select(cast(series[name], Integer), MetricRow.step, MetricRow.value).where(MetricRow.series == number),
            )
        )


def latest(session: Session, job: int) -> dict[str, float]:
    """Returns the value of the last step of each metric."""
    newest = (
        select(MetricRow.value)
        .where(MetricRow.series == SeriesRow.number)
        .order_by(MetricRow.step.desc())
        .limit(1)
        .correlate(SeriesRow)
        .scalar_subquery()
    )
    rows = session.execute(select(SeriesRow.name, newest).where(SeriesRow.job == job)).all()
    return {name: value for name, value in rows if value is not None}


def short_curves(session: Session, job: int, names: Collection[str]) -> dict[str, list[tuple[int, float]]]:
    """Returns (step, value) by rising step of several metrics with few points each, in one query."""
    rows = session.execute(
        select(SeriesRow.name, MetricRow.step, MetricRow.value)
        .join(MetricRow, MetricRow.series == SeriesRow.number)
        .where(SeriesRow.job == job, SeriesRow.name.in_(names))
        .order_by(MetricRow.step)
    )
    curves: dict[str, list[tuple[int, float]]] = {}
    for name, step, value in rows:
        curves.setdefault(name, []).append((step, value))
    return curves


def after(session: Session, job: int, steps: Mapping[str, int]) -> list[Value]:
    """Returns all values of steps after the one that is given for their metric; all values of other metrics."""
    values: list[Value] = []
    for name, number in _numbers(session, job).items():
        later = MetricRow.series == number, MetricRow.step > steps.get(name, -1)
        rows = session.execute(select(MetricRow.step, MetricRow.value).where(*later).order_by(MetricRow.step))
        values += [(step, name, value) for step, value in rows]
    return values


def curve(session: Session, job: int, name: str, points: int) -> list[tuple[int, float]]:
    """Returns (step, value) by rising step, at most `points` (4 or more) of them.

    A longer series is cut into equal spans of steps, and each gives its smallest and its largest value.
    """
    number = _numbers(session, job).get(name)
    if number is None:
        return []
    points = max(4, points)
    mine = MetricRow.series == number
    few = session.execute(
        select(MetricRow.step, MetricRow.value).where(mine).order_by(MetricRow.step).limit(points + 1)
    ).all()
    if len(few) <= points:
        return [(step, value) for step, value in few]
    first = few[0].step
    last = session.scalar(select(MetricRow.step).where(mine).order_by(MetricRow.step.desc()).limit(1)) or first
    width = math.ceil((last - first + 1) / ((points - 2) // 2))
    spans = select(literal(first).label("begin")).cte("spans", recursive=True)
    spans = spans.union_all(select(spans.c.begin + width).where(spans.c.begin + width <= last))

    def step_of(order: ColumnElement[float]) -> ScalarSelect[int]:
        """Selects the step of a span that comes first in `order`."""
        begin = spans.c.begin
        return (
            select(MetricRow.step)
            .where(mine, MetricRow.step >= begin, MetricRow.step < begin + width)
            .order_by(order, MetricRow.step)
            .limit(1)
            .scalar_subquery()
        )

    extremes = session.execute(
        select(step_of(MetricRow.value.asc()), step_of(MetricRow.value.desc())).select_from(spans)
    )
    steps = {first, last, *(step for pair in extremes for step in pair if step is not None)}
    rows = session.execute(
        select(MetricRow.step, MetricRow.value).where(mine, MetricRow.step.in_(steps)).order_by(MetricRow.step)
    )
    return [(step, value) for step, value in rows]


def _numbers(session: Session, job: int) -> dict[str, int]:
    """Returns name → number of each series of the run."""
    return dict(session.execute(select(SeriesRow.name, SeriesRow.number).where(SeriesRow.job == job)).all())


def _series(session: Session, job: int, wanted: Iterable[str]) -> Mapping[str, int]:
    """Returns name → number of each series of the run; creates those in `wanted` that do not exist yet."""
    known = _numbers(session, job)
    missing = [{"job": job, "name": name} for name in wanted if name not in known]
    if missing:
        session.execute(_insert(session)(SeriesRow).values(missing).on_conflict_do_nothing())
        known = _numbers(session, job)
    return known


def _insert(session: Session) -> Any:
    """Returns the INSERT with ON CONFLICT of the session's database."""
    return postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
