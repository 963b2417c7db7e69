"""JobStore: the records of all runs, for pages, the runner and workers; for one owner or for all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import aliased

from storage.database import utc_now
from storage.errors import WrongState
from storage.imports import JobImports
from storage.job_metrics import JobMetrics
from storage.job_rows import ACTIVE, FINISHED
from storage.lifecycle import JobLifecycle
from storage.listing import Order, earlier_run, matching, ordering
from storage.queue import JobQueue, Jobs, new_id
from storage.records import Event, Job, Worker, event_of, job_of
from storage.states import JobState
from storage.tables import EventRow, JobRow

__all__ = ["Event", "Job", "JobState", "JobStore", "Worker", "new_id"]

_COMPARISON = "comparison"
"""The kind of a job that compares the run `parent` with other ways."""

# Named here because JobStore.list hides the type of that name from the annotations in its class.
Events = list[Event]
Listed = list[tuple[Job, Job | None]]


class JobStore(JobQueue, JobLifecycle, JobImports, JobMetrics):
    """All records of runs: the lists of them, what people write about them, and the parts that it inherits."""

    # -- reading ------------------------------------------------------------------------------------------------

    def list(
        self,
        limit: int = 100,
        offset: int = 0,
        states: Collection[JobState] | None = None,
        *,
        text: str = "",
        deleted: bool = False,
        comparisons: bool = False,
    ) -> Jobs:
        """Lists runs, newest first; `deleted` lists the deleted ones instead, `comparisons` adds the comparisons of
        runs.

        text: every word of it must occur in the name, the note, a tag, the data set's name or the backbone's name
        without its owner or folder; case is ignored.
        """
        with self.database.read() as session:
            rows = session.scalars(
                select(JobRow)
                .where(*matching(states, self.owner, text, deleted, self.database.dialect, comparisons=comparisons))
                .order_by(JobRow.number.desc())
                .limit(limit)
                .offset(offset)
            )
            return [job_of(row) for row in rows]

    def listed(
        self,
        limit: int,
        states: Collection[JobState] | None = None,
        *,
        text: str = "",
        deleted: bool = False,
        order: Order = "date",
        reverse: bool = False,
    ) -> Listed:
        """Lists runs as `list` does, in an order, each with the earlier run that its recipe is compared with, if any.

        reverse: reverses the order.
        """
        dialect = self.database.dialect
        by, earlier = ordering(order, reverse, dialect), aliased(JobRow)
        found = (
            select(JobRow.number)
            .where(*matching(states, self.owner, text, deleted, dialect))
            .order_by(*by)
            .limit(limit)
            .subquery()
        )
        with self.database.read() as session:
            rows = session.execute(
                select(JobRow, earlier)
                .join(found, found.c.number == JobRow.number)
                .outerjoin(earlier, earlier.number == earlier_run())
                .order_by(*by)
            )
            return [(job_of(row), job_of(before) if before is not None else None) for row, before in rows]

    def ended_since(self, event: int | None) -> tuple[int, Jobs]:
        """Returns the number of the newest event, and the runs that ended after event number `event`; None: no runs."""
        with self.database.read() as session:
            own = select(JobRow.number).where(self.owner.sees(JobRow.owner))
            newest = session.scalar(select(func.max(EventRow.number)).where(EventRow.job.in_(own))) or 0
            if event is None:
                return newest, []
            ends = select(EventRow.job).where(EventRow.number > event, EventRow.state.in_(FINISHED))
            ended = select(JobRow).where(
                JobRow.number.in_(ends),
                self.owner.sees(JobRow.owner),
                JobRow.state.in_(FINISHED),
                JobRow.kind == "run",
                JobRow.deleted_at.is_(None),
            )
            return newest, [job_of(row) for row in session.scalars(ended.order_by(JobRow.number))]

    def active(self) -> Jobs:
        """Lists the runs that a worker has, on any host."""
        with self.database.read() as session:
            return [job_of(row) for row in session.scalars(select(JobRow).where(JobRow.state.in_(ACTIVE)))]

    def count(self) -> dict[JobState, int]:
        """Counts the runs in each state; deleted ones are not counted."""
        with self.database.read() as session:
            listed = JobRow.kind == "run", JobRow.deleted_at.is_(None), self.owner.sees(JobRow.owner)
            counts = select(JobRow.state, func.count()).where(*listed).group_by(JobRow.state)
            found = dict(session.execute(counts).all())
            return {state: found.get(state, 0) for state in JobState}

    def events(self, id: str) -> Events:
        """Returns the run's history, oldest first. Raises JobNotFound."""
        with self.database.read() as session:
            rows = session.scalars(
                select(EventRow).where(EventRow.job == self._row(session, id).number).order_by(EventRow.number)
            )
            return [event_of(row) for row in rows]

    def comparison(self, run: str) -> Job | None:
        """Returns the newest comparison of a run with other ways; None if there is none."""
        with self.database.read() as session:
            row = session.scalar(
                select(JobRow)
                .where(JobRow.parent == run, JobRow.kind == _COMPARISON, self.owner.sees(JobRow.owner))
                .order_by(JobRow.number.desc())
                .limit(1)
            )
            return job_of(row) if row is not None else None

    def course(self, id: str) -> frozenset[tuple[str, str, int]]:
        """Returns what changes when a worker of the run, or of one made from it, begins or ends; empty for no run."""
        with self.database.read() as session:
            rows = session.execute(
                select(JobRow.id, JobRow.state, JobRow.attempts).where((JobRow.id == id) | (JobRow.parent == id))
            )
            return frozenset((row.id, row.state, row.attempts) for row in rows)

    def ids(self) -> frozenset[str]:
        """Returns the ids of all runs, including deleted ones until they are purged."""
        with self.database.read() as session:
            return frozenset(session.scalars(select(JobRow.id).where(self.owner.sees(JobRow.owner))))

    # -- what people change -------------------------------------------------------------------------------------

    def rename(self, id: str, name: str) -> Job:
        """Renames the run. Raises JobNotFound."""
        return self._edit(id, name=name)

    def annotate(self, id: str, note: str, tags: Sequence[str]) -> Job:
        """Sets the note and the tags. Raises JobNotFound."""
        return self._edit(id, note=note, tags=sorted({tag.strip() for tag in tags} - {""}))

    def put_first(self, id: str) -> Job:
        """Gives the run a higher priority than every other queued run of its owner. Raises JobNotFound."""
        with self.database.write() as session:
            row = self._row(session, id)
            waiting = JobRow.owner == row.owner, JobRow.state == JobState.QUEUED
            highest = session.scalar(select(func.max(JobRow.priority)).where(*waiting)) or 0
            session.execute(update(JobRow).where(JobRow.id == id).values(priority=highest + 1))
            session.refresh(row)
            return job_of(row)

    def add_tags(self, id: str, tags: Sequence[str]) -> Job:
        """Adds tags to those that the run has. Raises JobNotFound."""
        with self.database.write() as session:
            row = self._row(session, id)
            row.tags = sorted({*row.tags, *(tag.strip() for tag in tags)} - {""})
            session.flush()
            return job_of(row)

    def delete(self, id: str) -> Job:
        """Hides a run; `restore` brings it back until it is purged. Raises WrongState while it is running."""
        if self.get(id).state is JobState.QUEUED:
            self.request_stop(id)
        with self.database.write() as session:
            row = self._row(session, id)
            number = session.scalar(
                update(JobRow)
                .where(JobRow.id == id, JobRow.state.not_in(ACTIVE))
                .values(deleted_at=utc_now())
                .returning(JobRow.number)
            )
            if number is None:
                raise WrongState(f"The run {row.name!r} is {row.state}: stop it before it is deleted.")
            session.refresh(row)
            return job_of(row)

    def restore(self, id: str) -> Job:
        """Brings a deleted run back. Raises JobNotFound when it was purged."""
        return self._edit(id, deleted_at=None)

    def expired(self, after: timedelta) -> Jobs:
        """Lists the runs that were deleted longer ago than `after`."""
        with self.database.read() as session:
            return [job_of(row) for row in session.scalars(select(JobRow).where(JobRow.deleted_at < utc_now() - after))]

    def purge(self, id: str) -> bool:
        """Removes a deleted run with its history, metrics and comparisons; False if it was restored meanwhile."""
        with self.database.write() as session:
            number = session.scalar(
                delete(JobRow).where(JobRow.id == id, JobRow.deleted_at.is_not(None)).returning(JobRow.number)
            )
            if number is None:
                return False
            ended = JobRow.state.not_in(ACTIVE)
            session.execute(delete(JobRow).where(JobRow.parent == id, JobRow.kind == _COMPARISON, ended))
            return True

    def _edit(self, id: str, **values: Any) -> Job:
        with self.database.write() as session:
            row = self._row(session, id)
            session.execute(update(JobRow).where(JobRow.id == id).values(**values))
            session.refresh(row)
            return job_of(row)
