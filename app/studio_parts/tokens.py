"""The part of Studio that is about the tokens of programs, and about the accounts of the Hub that sign in."""

from __future__ import annotations

from datetime import timedelta

from app import limits
from app.access.people import Person
from app.settings import Settings
from lamp.errors import ConfigError, LampError
from storage.accounts import AccountStore
from storage.tokens import Token, TokenStore

LASTS: tuple[int, ...] = (30, 90, 365, 0)
"""Days after which a token ends, the usual one first; 0 for one that never does."""
_MOST = 50


class StudioTokens:
    """Tokens are made and revoked by people on the page, and never with a token."""

    settings: Settings
    person: Person
    _tokens: TokenStore
    _accounts: AccountStore

    def owner_of_account(self, subject: str, name: str) -> str:
        """Under which name the runs of an account of the Hub are kept. subject: its id; name: the one it has now."""
        return self._accounts.owner(subject, name)

    def token(self, secret: str) -> Token | None:
        """The token of anybody's with this secret; None when there is none, and after its end."""
        return self._tokens.find(secret)

    def tokens(self) -> list[Token]:
        """This person's tokens, newest first."""
        self._check_is_a_person()
        return self._tokens.of(self.person.name)

    def make_token(self, name: str, reads_only: bool, days: int) -> tuple[Token, str]:
        """A new token and its secret, which is given out this once. days: one of LASTS. Raises ConfigError."""
        self._check_is_a_person()
        name = limits.token_name(name)
        if isinstance(days, bool) or days not in LASTS:
            raise ConfigError([f"A token ends after 30, 90 or 365 days, or 0 for never, not {limits.shown(days)}."])
        if self._tokens.count(self.person.name) >= _MOST:
            raise ConfigError([f"You have {_MOST} tokens: revoke one that is no longer needed."])
        return self._tokens.add(self.person.name, name, bool(reads_only), timedelta(days=days) if days else None)

    def revoke_token(self, number: int) -> Token:
        """Ends one of this person's tokens. Raises NotStored."""
        self._check_is_a_person()
        return self._tokens.revoke(self.person.name, number)

    def _check_is_a_person(self) -> None:
        if self.person.by_token:
            raise LampError("Tokens are made, listed and revoked on the Access page, and not with a token.")
        if not self.settings.sign_in.asks:
            raise LampError("Nobody signs in here, so that a program needs no token.")
