"""How many runs of one person may wait and be at work: no two requests pass a limit of one, however close they come."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from storage.database import Database, open_database
from storage.errors import OverQuota, StorageError
from storage.jobs import Job, JobState, JobStore
from storage.owners import Owner
from storage.quota import AtOnce

ADA = Owner("ada", sees_all=False, most_queued=1)
ONE = AtOnce(1, frozenset({"root"}))
FULL = "You have 1 run waiting, which is the most here. Cancel it, or wait until one has started."


def queue(store: JobStore) -> Job:
    return store.add("a run", {}, "sample:x", "x.csv", 10)


def together(*calls: Callable[[], object]) -> list[object]:
    """What each of the calls, made at the same moment, returned or raised."""
    barrier = Barrier(len(calls))

    def one(call: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return call()
        except StorageError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def test_of_runs_that_are_queued_at_the_same_moment_no_more_wait_than_may(url: str) -> None:
    stores = [JobStore(open_database(url), owner=ADA) for _ in range(4)]
    came = together(*(lambda store=store: queue(store) for store in stores))
    assert [type(one) for one in came if not isinstance(one, Job)] == [OverQuota] * 3
    assert {str(one) for one in came if isinstance(one, OverQuota)} == {FULL}
    assert stores[0].own_waiting() == 1 and len(stores[0].list()) == 1


def test_a_run_that_is_resumed_waits_as_others_do(database: Database) -> None:
    own = JobStore(database, owner=ADA)
    stopped = own.request_stop(queue(own).id)
    waiting = queue(own)
    with pytest.raises(OverQuota, match="which is the most here"):
        own.resume(stopped.id)
    assert own.get(stopped.id).state is JobState.STOPPED
    own.request_stop(waiting.id)
    assert own.resume(stopped.id).state is JobState.QUEUED


def test_what_others_have_waiting_counts_for_nobody_else(database: Database, add: Callable[..., Job]) -> None:
    for _ in range(3):
        add(owner="eve")
    queue(JobStore(database, owner=ADA))
    with pytest.raises(OverQuota):
        queue(JobStore(database, owner=ADA))


def test_of_an_owners_runs_as_many_are_at_work_as_may_be_and_the_rest_waits(
    store: JobStore, add: Callable[..., Job]
) -> None:
    first, second, other = add(owner="ada"), add(owner="ada"), add(owner="eve")
    free = [add(owner="root") for _ in range(2)]
    claimed = [store.claim("here", range(9), ONE) for _ in range(6)]
    assert {job.id for job in claimed if job} == {first.id, other.id, *(job.id for job in free)}
    assert claimed[4:] == [None, None] and store.get(second.id).state is JobState.QUEUED
    store.finish(first.id, JobState.DONE)
    late = store.claim("here", range(9), ONE)
    assert late is not None and late.id == second.id


def test_of_claims_by_two_machines_at_the_same_moment_one_gets_an_owners_only_run(
    url: str, store: JobStore, add: Callable[..., Job]
) -> None:
    for _ in range(4):
        add(owner="ada")
    stores = [JobStore(open_database(url)) for _ in range(4)]
    calls = [lambda store=one, host=f"host {n}": store.claim(host, [0], ONE) for n, one in enumerate(stores)]
    came = together(*calls)
    assert sum(isinstance(one, Job) for one in came) == 1 and store.active_by_owner() == {"ada": 1}
