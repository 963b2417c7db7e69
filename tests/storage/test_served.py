"""Served runs: each under a name of its own, seen by whoever sees the run, gone with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from storage.database import Database
from storage.errors import JobNotFound
from storage.jobs import Job, JobStore
from storage.owners import Owner
from storage.served import ServedStore


def test_served_runs_of_one_owner_have_names_of_their_own_which_stay(
    database: Database, store: JobStore, add: Callable[..., Job]
) -> None:
    served, (first, second, third) = ServedStore(database), (add(name) for name in "abc")
    assert served.add(first.id, "tickets", vote=False).name == "tickets"
    assert served.add(second.id, "tickets", vote=True).name == "tickets-2"
    served.remove(first.id)
    assert served.add(third.id, "tickets", vote=False).name == "tickets"
    again = served.add(second.id, "renamed", vote=False)
    assert (again.name, again.vote) == ("tickets-2", False)
    assert [one.job.id for one in served.all()] == [third.id, second.id]
    assert [one.job.id for one in served.called("tickets-2")] == [second.id]
    assert [one.job.id for one in served.called(third.id)] == [third.id]
    for wrong in ("", "none", "tickets\0", "x" * 10_000, "%", "TICKETS"):
        assert served.called(wrong) == []


def test_a_deleted_run_is_not_served_and_a_purged_one_leaves_nothing(
    database: Database, store: JobStore, add: Callable[..., Job]
) -> None:
    served, run = ServedStore(database), add("a run")
    served.add(run.id, "it", vote=False)
    store.delete(run.id)
    assert served.all() == served.called("it") == served.called(run.id) == [] and served.get(run.id) is None
    with pytest.raises(JobNotFound):
        served.add(run.id, "it", vote=False)
    served.remove(run.id)
    store.restore(run.id)
    assert served.all() == []
    served.add(run.id, "it", vote=False)
    store.delete(run.id)
    assert store.purge(run.id) and served.all() == []


def test_what_somebody_else_serves_is_not_seen_asked_or_ended(database: Database, add: Callable[..., Job]) -> None:
    hers = add("hers", owner="ada")
    ada, eve, root = (ServedStore(database, Owner(name, sees_all=name == "root")) for name in ("ada", "eve", "root"))
    ada.add(hers.id, "it", vote=False)
    assert ada.called("it") == root.called("it") == ada.all() and len(ada.all()) == 1
    assert eve.called("it") == eve.called(hers.id) == eve.all() == [] and eve.get(hers.id) is None
    eve.remove(hers.id)
    with pytest.raises(JobNotFound):
        eve.add(hers.id, "mine", vote=False)
    assert [one.name for one in ada.all()] == ["it"]
    own = add("own", owner="eve")
    assert eve.add(own.id, "it", vote=False).name == "it"
    assert {one.job.id for one in root.called("it")} == {hers.id, own.id}


def test_the_id_of_a_run_means_that_run_also_where_another_one_is_called_so(
    database: Database, add: Callable[..., Job]
) -> None:
    served, first, second = ServedStore(database), add("first"), add("second")
    served.add(first.id, "it", vote=False)
    served.add(second.id, first.id, vote=False)
    assert [one.job.id for one in served.called(first.id)] == [first.id]
    served.remove(first.id)
    assert [one.job.id for one in served.called(first.id)] == [second.id]
