"""TokenStore: the tokens with which programs act as somebody. Each is a random secret, of which the digest is kept."""

from __future__ import annotations

import hashlib
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update

from storage.database import Database, utc_now
from storage.errors import DatabaseUnavailable, NotStored
from storage.tables import TokenRow

PREFIX = "ls_"
"""Begins every token, so that people and programs that look for secrets know it as one."""
_SHOWN = len(PREFIX) + 4
"""First characters that are kept: enough to tell tokens apart, and 39 random ones remain."""
_FORM = re.compile(re.escape(PREFIX) + r"[A-Za-z0-9_-]{43}")
_USE_IS_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Token:
    """A token without its secret."""

    number: int
    owner: str
    name: str
    start: str
    """Its first characters."""
    reads_only: bool
    """Whether nothing can be changed with it."""
    created_at: datetime
    used_at: datetime | None
    """When it was last used, to the minute; None before."""
    ends_at: datetime | None
    """None for one that never ends."""

    def has_ended(self, now: datetime) -> bool:
        """Whether it is taken no longer."""
        return self.ends_at is not None and self.ends_at <= now


class TokenStore:
    """The tokens of all people. The secret has 256 random bits, so that a plain digest of it tells nothing of it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, owner: str, name: str, reads_only: bool, lasts: timedelta | None) -> tuple[Token, str]:
        """A new token and its secret, which is never given out again. lasts: None for one that never ends."""
        secret, now = PREFIX + secrets.token_urlsafe(32), utc_now()
        row = TokenRow(
            digest=digest_of(secret),
            owner=owner,
            name=name,
            start=secret[:_SHOWN],
            reads_only=reads_only,
            created_at=now,
            ends_at=now + lasts if lasts is not None else None,
        )
        with self.database.write() as session:
            session.add(row)
            session.flush()
            return _token_of(row), secret

    def find(self, secret: str) -> Token | None:
        """The token with this secret; None when there is none, and after its end. Costs one lookup.

        That a token was used is noted at most once a minute.
        """
        if not _FORM.fullmatch(secret):
            return None
        with self.database.read() as session:
            row = session.scalar(select(TokenRow).where(TokenRow.digest == digest_of(secret)))
            token = _token_of(row) if row is not None else None
        now = utc_now()
        if token is None or token.has_ended(now):
            return None
        if token.used_at is None or token.used_at <= now - _USE_IS_NOTED_EVERY:
            # A disk that is full does not keep programs from reading.
            with suppress(DatabaseUnavailable), self.database.write() as session:
                session.execute(update(TokenRow).where(TokenRow.number == token.number).values(used_at=now))
        return token

    def of(self, owner: str) -> list[Token]:
        """Somebody's tokens, newest first, also those that have ended."""
        with self.database.read() as session:
            rows = session.scalars(select(TokenRow).where(TokenRow.owner == owner).order_by(TokenRow.number.desc()))
            return [_token_of(row) for row in rows]

    def count(self, owner: str) -> int:
        """How many tokens somebody has."""
        with self.database.read() as session:
            return session.scalar(select(func.count()).where(TokenRow.owner == owner)) or 0

    def revoke(self, owner: str, number: int) -> Token:
        """Removes one of somebody's tokens; it is taken no longer. Raises NotStored."""
        which = TokenRow.number == number, TokenRow.owner == owner
        with self.database.write() as session:
            row = session.scalar(select(TokenRow).where(*which))
            if row is None:
                raise NotStored("There is no such token: it was revoked already.")
            session.execute(delete(TokenRow).where(*which))
            return _token_of(row)


def digest_of(secret: str) -> str:
    """What is kept of a secret. It has so many random bits that its digest tells nothing of it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _token_of(row: TokenRow) -> Token:
    return Token(row.number, row.owner, row.name, row.start, row.reads_only, row.created_at, row.used_at, row.ends_at)
