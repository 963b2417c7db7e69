"""Accounts of the Hub: names change hands there, and what belongs to an account does not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from storage.accounts import AccountStore
from storage.database import Database


def test_an_account_keeps_the_name_that_it_first_came_with(database: Database) -> None:
    store = AccountStore(database)
    assert store.owner("1", "ada") == "ada"
    assert store.owner("1", "countess") == "ada"
    assert store.owner("2", "ada") == "ada (2)" and store.owner("3", "ada") == "ada (3)"
    assert store.owner("2", "lovelace") == "ada (2)"
    assert store.owner("4", "ada_") == "ada_" and store.owner("5", "a%") == "a%"


def test_accounts_that_come_at_the_same_moment_get_names_of_their_own(database: Database) -> None:
    store = AccountStore(database)
    with ThreadPoolExecutor(4) as pool:
        owners = list(pool.map(lambda subject: store.owner(subject, "ada"), "1234" * 3))
    assert sorted(set(owners)) == ["ada", "ada (2)", "ada (3)", "ada (4)"]
    assert all(store.owner(subject, "x") == owner for subject, owner in zip("1234" * 3, owners, strict=True))
