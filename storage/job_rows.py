"""Rows of the jobs table: finding one, and changing its state with one conditional UPDATE, here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from storage.database import Database, utc_now
from storage.errors import JobNotFound
from storage.files import is_safe_name
from storage.owners import EVERYONE, Owner
from storage.records import Job, job_of
from storage.states import JobState, before
from storage.tables import EventRow, JobRow

ACTIVE = tuple(state for state in JobState if state.active)
"""The states of a run that a worker has."""
FINISHED = tuple(state for state in JobState if state.finished)
"""The states of a run that has ended."""
IMPORTED = "imported"
"""The kind of a job that was not trained here: it has a prompt and no curves."""
LISTED = ("run", IMPORTED)
"""The kinds of jobs that lists of runs show."""


class JobRows:
    """The base of JobStore's parts: the database, and a run by its id."""

    def __init__(
        self, database: Database, on_end: Callable[[Job], object] | None = None, owner: Owner = EVERYONE
    ) -> None:
        """on_end: called with each run that this store ends, once that is committed. It must not raise.

        owner: for whom it works; the runs of others read as ids that nobody has.
        """
        self.database, self.owner = database, owner
        self._on_end = on_end or (lambda job: None)

    def get(self, id: str) -> Job:
        """The run as it is now. Raises JobNotFound."""
        with self.database.read() as session:
            return job_of(self._row(session, id))

    def _row(self, session: Session, id: str) -> JobRow:
        """The row of a run, if it exists for the store's owner. Raises JobNotFound."""
        # A script may send a number, or what no database takes as a text.
        known = isinstance(id, str) and is_safe_name(id)
        row = session.scalar(select(JobRow).where(JobRow.id == id, self.owner.sees(JobRow.owner))) if known else None
        if row is None:
            raise JobNotFound(f"There is no run {str(id)[:64]!r}.")
        return row


def change_state(
    session: Session, which: ColumnElement[bool], state: JobState, reason: str, **values: Any
) -> int | None:
    """Moves the run that `which` selects to `state`, sets `values` and writes the event.

    Returns the run's number, or None when nothing was changed because its state does not allow it.
    """
    number = session.scalar(
        update(JobRow)
        .where(which, JobRow.state.in_(before(state)))
        .values(state=state, **values)
        .returning(JobRow.number)
        .execution_options(synchronize_session=False)
    )
    if number is not None:
        session.add(EventRow(job=number, at=utc_now(), state=state, reason=reason))
    return number


def held_by(id: str, attempt: int | None) -> ColumnElement[bool]:
    """Selects the run while a worker has it, and only while it is this attempt's; None: any attempt's."""
    active = (JobRow.id == id) & JobRow.state.in_(ACTIVE)
    return active if attempt is None else active & (JobRow.attempts == attempt)


def next_ticket(session: Session) -> int:
    """The number of the next arrival in the queue."""
    return (session.scalar(select(func.max(JobRow.ticket))) or 0) + 1
