"""Whose rows a store works with. The condition is made here, and every query for people uses it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import InstrumentedAttribute


@dataclass(frozen=True)
class Owner:
    """The person for whom a store works: others' rows do not exist for that person."""

    name: str = ""
    """The owner of the rows that are added; "" where the studio asks nobody who they are."""
    sees_all: bool = True
    """Whether everybody's rows are seen: by workers, the runner, an admin, and the one person of a studio."""
    most_queued: int | None = None
    """The most runs of theirs that may wait; None for any number."""
    also: frozenset[str] = frozenset()
    """Further owners whose rows are seen."""

    def sees(self, column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
        """Selects the rows that exist for this person. column: the owner's."""
        return true() if self.sees_all else column.in_({self.name, *self.also})


EVERYONE = Owner()
"""For what works for all: the runner, workers, cleaning up."""
