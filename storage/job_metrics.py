"""The part of JobStore about the metrics of runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import select

from storage import metrics
from storage.job_rows import JobRows
from storage.records import Job, job_of
from storage.tables import JobRow, SeriesRow

Points = list[tuple[int, float]]


class JobMetrics(JobRows):
    """Records and reads the metrics of runs. Every method that takes an id raises JobNotFound."""

    def log_values(self, id: str, values: Iterable[metrics.Value]) -> None:
        """Records (step, name, value) of many steps in one commit, as `heartbeat` does."""
        with self.database.write() as session:
            metrics.record(session, self._row(session, id).number, values)

    def latest_metrics(self, id: str) -> dict[str, float]:
        """Returns the newest value of each metric."""
        with self.database.read() as session:
            return metrics.latest(session, self._row(session, id).number)

    def curve(self, id: str, metric: str, points: int = 500) -> Points:
        """Returns (step, value) of a metric, at most `points`, with the minimum and maximum of every span."""
        with self.database.read() as session:
            return metrics.curve(session, self._row(session, id).number, metric, points)

    def values_after(self, id: str, steps: Mapping[str, int]) -> list[metrics.Value]:
        """Returns all values of steps after the one given for their metric; all values of other metrics."""
        with self.database.read() as session:
            return metrics.after(session, self._row(session, id).number, steps)

    def short_curves(self, id: str, names: Collection[str]) -> dict[str, Points]:
        """Returns (step, value) of several metrics with few points each, by name."""
        with self.database.read() as session:
            return {**metrics.short_curves(session, self._row(session, id).number, names)}

    def newest_with(self, metric: str, backbone: str) -> Job | None:
        """Returns the newest run on a backbone that has taken a step and logged `metric`; None if there is none."""
        with self.database.read() as session:
            logged = select(SeriesRow.job).where(SeriesRow.job == JobRow.number, SeriesRow.name == metric)
            row = session.scalar(
                select(JobRow)
                .where(JobRow.backbone == backbone, JobRow.step > 0, JobRow.deleted_at.is_(None), logged.exists())
                .where(self.owner.sees(JobRow.owner))
                .order_by(JobRow.number.desc())
                .limit(1)
            )
            return job_of(row) if row is not None else None
