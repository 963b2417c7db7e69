"""Imported prompts: stored as finished jobs, with scores that may be measured later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage.database import utc_now
from storage.errors import WrongState
from storage.job_rows import IMPORTED, JobRows, next_ticket
from storage.records import Job, job_of
from storage.states import JobState
from storage.tables import EventRow, JobRow


class JobImports(JobRows):
    """The jobs of the kind IMPORTED."""

    def add_imported(
        self,
        id: str,
        name: str,
        config: Mapping[str, Any],
        *,
        dataset_name: str,
        step: int,
        scores: Mapping[str, float],
        origin: str,
        owner: str | None = None,
    ) -> Job:
        """Records a prompt whose artifact is already published under this id.

        dataset_name: what it was trained on, "" if unknown; step: its number of training steps; origin: the first entry
        of its history; owner: None for the store's own.
        """
        with self.database.write() as session:
            now = utc_now()
            row = JobRow(
                id=id,
                name=name,
                kind=IMPORTED,
                state=JobState.DONE,
                config=dict(config),
                backbone=str(config.get("backbone", "")),
                dataset="",
                dataset_name=dataset_name,
                step=step,
                steps=step,
                scores=dict(scores),
                artifact=id,
                owner=self.owner.name if owner is None else owner,
                ticket=next_ticket(session),
                created_at=now,
                finished_at=now,
            )
            session.add(row)
            session.flush()
            session.add(EventRow(job=row.number, at=now, state=row.state, reason=origin))
            return job_of(row)

    def scored(
        self, id: str, config: Mapping[str, Any], dataset: str, dataset_name: str, scores: Mapping[str, float]
    ) -> Job:
        """Records an imported prompt's scores on a data set, replacing earlier ones. Raises WrongState."""
        with self.database.write() as session:
            row = self._row(session, id)
            if row.kind != IMPORTED:
                raise WrongState(f"The run {row.name!r} was trained here, and has its own scores.")
            row.config, row.dataset, row.dataset_name, row.scores = dict(config), dataset, dataset_name, dict(scores)
            row.finished_at = utc_now()  # by which pages notice that there is something new to read
            session.add(EventRow(job=row.number, at=utc_now(), state=row.state, reason=f"Scored on {dataset_name}."))
            session.flush()
            return job_of(row)
