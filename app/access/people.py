"""The people who use a studio."""

from __future__ import annotations

from dataclasses import dataclass, field

from storage.owners import Owner


@dataclass(frozen=True)
class Person:
    """Somebody who has signed in, or the one person of a studio that asks nobody who they are."""

    name: str
    """As it was signed in with; "" for the one person."""
    is_admin: bool = False
    """Whether everybody's runs and data sets are seen, and models are removed."""
    by_token: bool = False
    """Whether it is a program of theirs that asks, with a token."""
    reads_only: bool = False
    """Whether nothing may be changed, as with a token that only reads."""

    address: str = field(default="", compare=False)
    """Where a visitor of a demo comes from, whom nothing else tells from the other visitors."""

    @property
    def counted_as(self) -> str:
        """Whose requests are counted together."""
        return self.name or self.address

    @property
    def owner(self) -> Owner:
        """For whom the stores work when this person asks."""
        return Owner(self.name, sees_all=self.is_admin)


THE_ONE = Person("", is_admin=True)
"""The one person of a studio that asks nobody: everything is theirs."""
