"""TokenStore: tokens with which programs act for a person. Each is a random secret, whose digest is stored."""

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
"""Prefix of every token, so that people and secret scanners recognise it."""
_SHOWN = len(PREFIX) + 4
"""Characters of a token that are stored as they are: enough to recognise it, and 39 random ones remain unknown."""
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
    """Whether the token cannot change anything."""
    created_at: datetime
    used_at: datetime | None
    """Time of the last use, to the minute; None before the first."""
    ends_at: datetime | None
    """Time of expiry; None for a token that never expires."""

    def has_ended(self, now: datetime) -> bool:
        """Returns whether the token has expired."""
        return self.ends_at is not None and self.ends_at <= now


class TokenStore:
    """The tokens of all people. A secret has 256 random bits, so that its plain digest reveals nothing."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, owner: str, name: str, reads_only: bool, lasts: timedelta | None) -> tuple[Token, str]:
        """Creates a token; returns it and its secret, which is never shown again.

        lasts: None for one that never expires.
        """
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
        """Returns the token with this secret; None if there is none, or if it has expired.

        Costs one lookup. The time of use is recorded at most once a minute.
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
        """Lists a person's tokens, newest first, including expired ones."""
        with self.database.read() as session:
            rows = session.scalars(select(TokenRow).where(TokenRow.owner == owner).order_by(TokenRow.number.desc()))
            return [_token_of(row) for row in rows]

    def count(self, owner: str) -> int:
        """Counts a person's tokens."""
        with self.database.read() as session:
            return session.scalar(select(func.count()).where(TokenRow.owner == owner)) or 0

    def revoke(self, owner: str, number: int) -> Token:
        """Removes one of a person's tokens, which is then refused. Raises NotStored."""
        which = TokenRow.number == number, TokenRow.owner == owner
        with self.database.write() as session:
            row = session.scalar(select(TokenRow).where(*which))
            if row is None:
                raise NotStored("There is no such token: it was revoked already.")
            session.execute(delete(TokenRow).where(*which))
            return _token_of(row)


def digest_of(secret: str) -> str:
    """Returns the digest that is stored instead of a secret, which has too many random bits to be guessed from it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _token_of(row: TokenRow) -> Token:
    return Token(row.number, row.owner, row.name, row.start, row.reads_only, row.created_at, row.used_at, row.ends_at)
