"""Restricts a store to the rows of one owner. Every query made for a person uses this condition."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import InstrumentedAttribute


@dataclass(frozen=True)
class Owner:
    """The person for whom a store works. The rows of others do not exist for that person."""

    name: str = ""
    """The owner of added rows; "" in a studio without accounts."""
    sees_all: bool = True
    """Whether all rows are visible: to workers, the runner, an admin, and the only person of a studio without accounts.
    """
    most_queued: int | None = None
    """The most waiting runs of this person; None without a limit."""
    also: frozenset[str] = frozenset()
    """Other owners whose rows are visible too."""

    def sees(self, column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
        """Selects the rows that exist for this person. column: the one with the owner."""
        return true() if self.sees_all else column.in_({self.name, *self.also})


EVERYONE = Owner()
"""For everything that works for all owners: the runner, workers, the cleanup."""
