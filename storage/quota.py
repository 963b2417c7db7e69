"""How many runs of one owner may wait and be at work, counted in the transaction that adds or claims one."""

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
    """How many runs of one owner may be at work at once."""

    most: int | None = None
    """None for any number."""
    exempt: frozenset[str] = frozenset()
    """Owners with any number of runs."""

    def is_full(self, owner: str, active: Mapping[str, int]) -> bool:
        """Whether an owner's further runs have to wait. active: each owner's number of active runs."""
        return self.most is not None and owner not in self.exempt and active.get(owner, 0) >= self.most

    def lock(self, session: Session) -> None:
        """Has the claims of other studios wait until this transaction has ended, where there is a limit."""
        if self.most is not None:
            _lock(session, _CLAIMING)


ANY_NUMBER = AtOnce()


def check_waiting(session: Session, owner: Owner) -> None:
    """Raises OverQuota when as many runs of an owner wait as may wait; of two that come at once the second sees the
    first."""
    if owner.most_queued is None:
        return
    _lock(session, f"the queue of {owner.name}")
    if waiting(session, owner.name) >= owner.most_queued:
        raise OverQuota(too_many_waiting(owner.most_queued))


def waiting(session: Session, owner: str) -> int:
    """How many runs and comparisons of an owner wait."""
    count = select(func.count()).where(JobRow.state == JobState.QUEUED, JobRow.owner == owner)
    return session.scalar(count) or 0


def too_many_waiting(most: int) -> str:
    """The sentence about a queue that is full for one person."""
    runs, one = ("1 run", "it") if most == 1 else (f"{most:,} runs", "one")
    return f"You have {runs} waiting, which is the most here. Cancel {one}, or wait until one has started."


def _lock(session: Session, name: str) -> None:
    """Has others that name the same wait for the end of this transaction; SQLite has one writer at a time anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
