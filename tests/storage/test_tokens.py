"""Tokens: found by their secret alone, and kept as digests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from storage import tokens
from storage.database import Database, utc_now
from storage.errors import NotStored
from storage.tokens import Token, TokenStore


def go_on(monkeypatch: pytest.MonkeyPatch, **later: Any) -> None:
    now = utc_now() + timedelta(**later)
    monkeypatch.setattr(tokens, "utc_now", lambda: now)


def test_a_token_is_found_by_its_secret_until_it_is_revoked(database: Database) -> None:
    store = TokenStore(database)
    token, secret = store.add("ada", "nightly", reads_only=True, lasts=None)
    assert secret.startswith("ls_") and len(secret) == 46 and token.start == secret[:7] and token.ends_at is None
    other, _ = store.add("eve", "hers", reads_only=False, lasts=timedelta(days=30))
    assert store.find(secret) == token and store.of("ada")[0].name == "nightly" and store.count("ada") == 1
    for wrong in ("", "ls_", secret[:-1], secret + "x", secret.swapcase(), "ls_" + "é" * 43, f"{secret}\n"):
        assert store.find(wrong) is None
    with pytest.raises(NotStored):
        store.revoke("ada", other.number)
    assert store.revoke("ada", token.number).name == "nightly"
    assert store.find(secret) is None and store.of("ada") == [] and store.of("eve") == [other]
    with pytest.raises(NotStored, match="revoked already"):
        store.revoke("ada", token.number)
    assert store.add("ada", "next", reads_only=False, lasts=None)[0].number not in (token.number, other.number)


def test_a_token_is_not_taken_after_its_end(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    store = TokenStore(database)
    _, secret = store.add("ada", "nightly", reads_only=False, lasts=timedelta(days=30))
    go_on(monkeypatch, days=29, hours=23)
    assert store.find(secret) is not None
    go_on(monkeypatch, days=30, seconds=1)
    assert store.find(secret) is None and store.of("ada")[0].has_ended(utc_now() + timedelta(days=31))


def test_the_last_use_is_noted_once_a_minute(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    store = TokenStore(database)

    def used() -> Token:
        store.find(secret)
        return store.of("ada")[0]

    token, secret = store.add("ada", "nightly", reads_only=False, lasts=None)
    first = used().used_at
    assert token.used_at is None and first is not None
    go_on(monkeypatch, seconds=30)
    assert used().used_at == first
    go_on(monkeypatch, seconds=90)
    assert (used().used_at or first) > first


def test_nothing_in_the_database_is_a_token(database: Database) -> None:
    _, secret = TokenStore(database).add("ada", "nightly", reads_only=False, lasts=None)
    with database.read() as session:
        row = session.execute(text("SELECT * FROM tokens")).one()
    assert secret not in str(row) and secret[3:] not in str(row) and secret[7:20] not in str(row)
