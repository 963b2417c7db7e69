"""ServedStore: the runs whose prompts programs may ask, each under a name that stays when the run is renamed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from sqlalchemy import ColumnElement, delete, or_, select

from storage.database import Database, utc_now
from storage.errors import JobNotFound
from storage.owners import EVERYONE, Owner
from storage.records import Job, job_of
from storage.tables import JobRow, ServedRow

_LONGEST = 200


@dataclass(frozen=True)
class Served:
    """A run that is served."""

    job: Job
    name: str
    """What programs call it."""
    vote: bool
    """Whether all prompts of the run pick the label together."""
    since: datetime


class ServedStore:
    """The served runs that one person sees. One whose run was deleted is not served."""

    def __init__(self, database: Database, owner: Owner = EVERYONE) -> None:
        self.database, self.owner = database, owner

    def add(self, job: str, name: str, *, vote: bool) -> Served:
        """Serves a run, from now on with this vote. Raises JobNotFound.

        name: what it is to be called; "-2" and so on is added while another served run of its owner is called so. A run
        that is served already keeps its name.
        """
        with self.database.write() as session:
            run = session.scalar(select(JobRow).where(JobRow.id == job, *self._seen()))
            if run is None:
                raise JobNotFound(f"There is no run {job!r}.")
            row = session.get(ServedRow, run.number)
            if row is None:
                others = select(ServedRow.name).join(JobRow).where(JobRow.owner == run.owner)
                taken = set(session.scalars(others))
                names = (name if number == 1 else f"{name}-{number}" for number in count(1))
                free = next(one for one in names if one not in taken)
                row = ServedRow(job=run.number, name=free, vote=vote, since=utc_now())
                session.add(row)
            row.vote = vote
            session.flush()
            return _served(row, run)

    def remove(self, job: str) -> None:
        """Serves a run no longer. Nothing happens for one that is not served."""
        with self.database.write() as session:
            which = select(JobRow.number).where(JobRow.id == job, self.owner.sees(JobRow.owner))
            session.execute(delete(ServedRow).where(ServedRow.job.in_(which)))

    def get(self, job: str) -> Served | None:
        """The run with this id; None where it is not served."""
        return next(iter(self._where(JobRow.id == job)), None)

    def all(self) -> list[Served]:
        """Every served run, newest first."""
        return self._where()

    def called(self, model: str) -> list[Served]:
        """The served runs that a program may mean: as the function `called`."""
        if not (isinstance(model, str) and len(model) <= _LONGEST and model.isprintable()):
            return []
        return called(model, self._where(or_(ServedRow.name == model, JobRow.id == model)))

    def _where(self, *which: ColumnElement[bool]) -> list[Served]:
        found = select(ServedRow, JobRow).join(JobRow).where(*which, *self._seen())
        with self.database.read() as session:
            rows = session.execute(found.order_by(ServedRow.since.desc(), ServedRow.job.desc()))
            return [_served(row, run) for row, run in rows]

    def _seen(self) -> tuple[ColumnElement[bool], ...]:
        return self.owner.sees(JobRow.owner), JobRow.deleted_at.is_(None)


def called(model: str, among: Sequence[Served]) -> list[Served]:
    """Those of some served runs that a program may mean: the one with this id, or else those of this name."""
    found = [one for one in among if model in (one.name, one.job.id)]
    return [one for one in found if one.job.id == model] or found


def _served(row: ServedRow, run: JobRow) -> Served:
    return Served(job_of(run), row.name, row.vote, row.since)
