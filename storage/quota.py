"""Limits on the waiting and active runs of one owner, checked in the transaction that adds or claims one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.errors import OverQuota
from storage.owners import Owner
from storage.states import JobState
from storage.tables import JobRow

_CLAIMING = "claiming runs"


@dataclass(frozen=True)
class AtOnce:
    """The limit on the active runs of one owner."""

    most: int | None = None
    """None without a limit."""
    exempt: frozenset[str] = frozenset()
    """Owners without a limit."""

    def is_full(self, owner: str, active: Mapping[str, int]) -> bool:
        """Returns whether an owner's further runs have to wait. active: each owner's number of active runs."""
        return self.most is not None and owner not in self.exempt and active.get(owner, 0) >= self.most

    def lock(self, session: Session) -> None:
        """Makes the claims of other studios wait until this transaction has ended, if there is a limit."""
        if self.most is not None:
            _lock(session, _CLAIMING)


ANY_NUMBER = AtOnce()


def check_waiting(session: Session, owner: Owner) -> None:
    """Raises OverQuota if as many runs of an owner wait as may wait.

    Of two added at the same time, the second one sees the first.
    """
    if owner.most_queued is None:
        return
    _lock(session, f"the queue of {owner.name}")
    if waiting(session, owner.name) >= owner.most_queued:
        raise OverQuota(too_many_waiting(owner.most_queued))


def waiting(session: Session, owner: str) -> int:
    """Counts the waiting runs and comparisons of an owner."""
    count = select(func.count()).where(JobRow.state == JobState.QUEUED, JobRow.owner == owner)
    return session.scalar(count) or 0


def too_many_waiting(most: int) -> str:
    """Returns the sentence that one person's queue is full."""
    runs, one = ("1 run", "it") if most == 1 else (f"{most:,} runs", "one")
    return f"You have {runs} waiting, which is the most here. Cancel {one}, or wait until one has started."


def _lock(session: Session, name: str) -> None:
    """Makes other transactions that lock the same name wait until this one has ended; SQLite has one writer at a time
    anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
