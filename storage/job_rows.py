"""Rows of the jobs table: finds one, and changes its state by one conditional UPDATE, here and nowhere else."""

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
"""The states in which a worker has the run."""
FINISHED = tuple(state for state in JobState if state.finished)
"""The states of a run that has ended."""
IMPORTED = "imported"
"""The kind of an imported prompt: it has an artifact and no curves."""
LISTED = ("run", IMPORTED)
"""The kinds of jobs that lists of runs show."""


class JobRows:
    """Base class of JobStore's parts: the database, and access to a run by its id."""

    def __init__(
        self, database: Database, on_end: Callable[[Job], object] | None = None, owner: Owner = EVERYONE
    ) -> None:
        """on_end: called with each run that this store ends, after the commit; must not raise.

        owner: for whom the store works; the runs of others do not exist for it.
        """
        self.database, self.owner = database, owner
        self._on_end = on_end or (lambda job: None)

    def get(self, id: str) -> Job:
        """Returns the run in its current state. Raises JobNotFound."""
        with self.database.read() as session:
            return job_of(self._row(session, id))

    def exists(self, id: str) -> bool:
        """Returns whether there is a run with this id for the store's owner."""
        try:
            self.get(id)
        except JobNotFound:
            return False
        return True

    def _row(self, session: Session, id: str) -> JobRow:
        """Returns the row of a run, if it exists for the store's owner. Raises JobNotFound."""
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

    Returns the run's number, or None if nothing was changed because its current state does not allow it.
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
    """Selects the run if a worker has it in this attempt; None: in any attempt."""
    active = (JobRow.id == id) & JobRow.state.in_(ACTIVE)
    return active if attempt is None else active & (JobRow.attempts == attempt)


def next_ticket(session: Session) -> int:
    """Returns the next number in the order of arrival."""
    return (session.scalar(select(func.max(JobRow.ticket))) or 0) + 1
