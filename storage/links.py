"""LinkStore: the links by which a run is shared. Each contains a random secret, whose digest is stored."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from storage.database import Database, utc_now
from storage.errors import JobNotFound, NotStored
from storage.records import Job, job_of
from storage.tables import JobRow, LinkRow
from storage.tokens import digest_of

_SHOWN = 5
"""Characters of a secret that are stored as they are; 27 random ones remain unknown."""
_FORM = re.compile(r"[A-Za-z0-9_-]{32}")


@dataclass(frozen=True)
class Link:
    """A link without its secret."""

    number: int
    start: str
    """The first characters of the secret."""
    created_at: datetime


class LinkStore:
    """The links to all runs. Callers must check that the person may share the run."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, job: str) -> tuple[Link, str]:
        """Creates a link to a run; returns it and its secret, which is never shown again. Raises JobNotFound."""
        secret = secrets.token_urlsafe(24)
        with self.database.write() as session:
            number = session.scalar(select(JobRow.number).where(JobRow.id == job))
            if number is None:
                raise JobNotFound(f"There is no run {job!r}.")
            row = LinkRow(digest=digest_of(secret), job=number, start=secret[:_SHOWN], created_at=utc_now())
            session.add(row)
            session.flush()
            return _link_of(row), secret

    def job(self, secret: str) -> Job:
        """Returns the run that a link shows. Raises JobNotFound, also if the run was deleted."""
        known = isinstance(secret, str) and _FORM.fullmatch(secret)
        if known:
            with self.database.read() as session:
                linked = select(LinkRow.job).where(LinkRow.digest == digest_of(secret))
                row = session.scalar(select(JobRow).where(JobRow.number.in_(linked), JobRow.deleted_at.is_(None)))
                if row is not None:
                    return job_of(row)
        raise JobNotFound(f"There is no run {str(secret)[:64]!r}.")

    def of(self, job: str) -> list[Link]:
        """Lists the links to a run, newest first."""
        with self.database.read() as session:
            which = select(JobRow.number).where(JobRow.id == job)
            rows = session.scalars(select(LinkRow).where(LinkRow.job.in_(which)).order_by(LinkRow.number.desc()))
            return [_link_of(row) for row in rows]

    def revoke(self, job: str, number: int) -> None:
        """Removes a link to a run, which then shows nothing any more. Raises NotStored."""
        which = select(JobRow.number).where(JobRow.id == job)
        with self.database.write() as session:
            gone = delete(LinkRow).where(LinkRow.number == number, LinkRow.job.in_(which)).returning(LinkRow.number)
            if session.scalar(gone) is None:
                raise NotStored("There is no such link: it was revoked already.")


def _link_of(row: LinkRow) -> Link:
    return Link(row.number, row.start, row.created_at)
