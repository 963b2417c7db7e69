"""AccountStore: the owner's name of each Hub account, which stays the same when the account is renamed."""

from __future__ import annotations

from contextlib import suppress
from itertools import count

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storage.database import Database
from storage.tables import AccountRow


class AccountStore:
    """The accounts of the Hub that have signed in.

    Names on the Hub change hands: an account that is renamed leaves its name to whoever takes it. What belongs to whom
    is therefore decided by the account's id, which never changes.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def owner(self, subject: str, name: str) -> str:
        """Returns the name under which an account's runs are stored: what it was called when it first signed in.

        subject: the account's id; name: what it is called now. If another account has this name here already, the new
        one gets a number: "ada (2)". What was stored under a name before accounts were distinguished belongs to the
        first account that signs in with it.
        """
        while True:
            with suppress(IntegrityError):  # PostgreSQL: somebody was added meanwhile, who has the name now
                return self._owner(subject, name)

    def _owner(self, subject: str, name: str) -> str:
        with self.database.write() as session:
            known = session.scalar(select(AccountRow.owner).where(AccountRow.subject == subject))
            if known is not None:
                return known
            names = (name if number == 1 else f"{name} ({number})" for number in count(1))
            taken = set(session.scalars(select(AccountRow.owner).where(AccountRow.owner.startswith(name))))
            owner = next(free for free in names if free not in taken)
            session.add(AccountRow(subject=subject, owner=owner))
            return owner
