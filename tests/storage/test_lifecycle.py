"""The lifecycle of a run, on every database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from storage.database import open_database
from storage.errors import JobNotFound, WrongState
from storage.jobs import Job, JobState, JobStore, Worker

Add = Callable[..., Job]
S = JobState
HERE = Worker("here", 7, "boot:1")


def claimed(store: JobStore, host: str, slots: Sequence[int]) -> Job:
    """The run that a host claims; there must be one."""
    job = store.claim(host, slots)
    assert job is not None
    return job


def states(store: JobStore, job: Job) -> list[JobState]:
    return [event.state for event in store.events(job.id)]


def test_a_run_is_queued_claimed_and_done_with_every_change_in_its_history(store: JobStore, add: Add) -> None:
    job = add(tags=["b", "a"], owner="ada")
    running = claimed(store, "here", [0])
    assert (running.id, running.state, running.attempts) == (job.id, S.RUNNING, 1)
    assert store.started(job.id, 1, HERE)
    assert store.heartbeat(job.id, 3, "Training", [(3, "loss", 0.5)], attempt=1) is S.RUNNING
    assert store.finish(job.id, S.DONE, scores={"accuracy": 0.9}, artifact=job.id, step=10, attempt=1)
    done = store.get(job.id)
    assert (done.state, done.step, done.scores, done.worker) == (S.DONE, 10, {"accuracy": 0.9}, HERE)
    assert done.started_at and done.finished_at and done.created_at <= done.started_at <= done.finished_at
    assert done.created_at.utcoffset() == timedelta(0)
    assert states(store, job) == [S.QUEUED, S.RUNNING, S.DONE]


@pytest.mark.parametrize("end", [S.DONE, S.FAILED, S.STOPPED, S.INTERRUPTED])
def test_an_ended_run_takes_no_further_end_heartbeat_or_stop(store: JobStore, add: Add, end: JobState) -> None:
    job = add()
    store.claim("here", [0])
    assert store.finish(job.id, end, error="why")
    before = store.get(job.id)
    assert not any(store.finish(job.id, other) for other in S if other.finished)
    assert store.heartbeat(job.id, 99, "late", [(99, "loss", 1.0)]) is None
    assert store.mark_lost(job.id, 1, "gone", resumes=3) is None
    store.request_stop(job.id)
    assert store.get(job.id) == before
    assert store.metric_names(job.id) == []


def test_only_a_done_run_cannot_be_resumed(store: JobStore, add: Add) -> None:
    for end in (S.FAILED, S.STOPPED, S.INTERRUPTED):
        job = add()
        store.claim("here", [0])
        store.finish(job.id, end, error="why")
        store.release(job.id)
        again = store.resume(job.id)
        assert (again.state, again.error, again.finished_at) == (S.QUEUED, None, None)
        store.request_stop(job.id)
    job = add()
    store.claim("here", [0])
    with pytest.raises(WrongState, match="is running"):
        store.resume(job.id)
    store.finish(job.id, S.DONE)
    with pytest.raises(WrongState, match="is done"):
        store.resume(job.id)


def test_a_worker_of_an_earlier_attempt_can_write_nothing(store: JobStore, add: Add) -> None:
    job = add()
    store.claim("here", [0])
    store.finish(job.id, S.INTERRUPTED)
    store.release(job.id)
    store.resume(job.id)
    store.claim("here", [0])
    assert store.heartbeat(job.id, 5, "ghost", [(5, "loss", 1.0)], attempt=1) is None
    assert not store.finish(job.id, S.DONE, attempt=1)
    assert not store.started(job.id, 1, HERE)
    assert store.metric_names(job.id) == []
    assert store.started(job.id, 2, HERE)
    assert not store.started(job.id, 2, Worker("here", 8, "boot:2")), "one attempt has one worker"


def test_a_stop_ends_a_queued_run_and_asks_a_running_one(store: JobStore, add: Add) -> None:
    running, queued = add(), add()
    store.claim("here", [0])
    assert store.request_stop(queued.id).state is S.STOPPED
    assert store.request_stop(running.id).state is S.STOPPING
    assert store.request_stop(running.id).state is S.STOPPING
    assert store.heartbeat(running.id, 4, "Training") is S.STOPPING, "the worker hears of it with its heartbeat"
    assert store.finish(running.id, S.STOPPED)
    assert states(store, running) == [S.QUEUED, S.RUNNING, S.STOPPING, S.STOPPED]


def test_that_a_worker_knows_of_a_stop_comes_with_its_heartbeat_and_ends_with_its_attempt(
    store: JobStore, add: Add
) -> None:
    job = add()
    store.claim("here", [0])
    store.request_stop(job.id)
    store.heartbeat(job.id, 4, "Training")
    assert not store.get(job.id).stop_heard
    store.heartbeat(job.id, 4, "Stopping: keeping what was learned", stop_heard=True)
    assert store.get(job.id).stop_heard
    store.finish(job.id, S.STOPPED)
    store.release(job.id)
    store.resume(job.id)
    again = store.claim("here", [0])
    assert again is not None and again.attempts == 2 and not again.stop_heard


def test_a_vanished_worker_leaves_its_run_queued_again_three_times_and_then_interrupted(
    store: JobStore, add: Add
) -> None:
    job = add()
    for attempt in (1, 2, 3, 4):
        assert claimed(store, "here", [0]).attempts == attempt
        lost = store.mark_lost(job.id, attempt, "killed", resumes=3)
        store.release(job.id)
    assert lost is not None and (lost.state, lost.error, lost.resumes) == (S.INTERRUPTED, "killed", 3)
    assert store.resume(job.id).resumes == 0, "a person's resume starts the count anew"


def test_a_worker_that_vanishes_while_stopping_leaves_a_stopped_run(store: JobStore, add: Add) -> None:
    job = add()
    store.claim("here", [0])
    store.request_stop(job.id)
    lost = store.mark_lost(job.id, 1, "killed", resumes=3)
    assert lost is not None and lost.state is S.STOPPED


def test_a_slot_is_taken_until_it_is_released_after_the_end(store: JobStore, add: Add) -> None:
    first, second = add(), add()
    assert claimed(store, "here", [0]).id == first.id
    assert store.claim("here", [0]) is None
    store.release(first.id)
    assert store.claim("here", [0]) is None, "a running run keeps its slot"
    store.finish(first.id, S.DONE)
    assert store.claim("here", [0]) is None, "its process may still hold memory"
    assert [job.id for job in store.releasing_slots("here")] == [first.id]
    store.release(first.id)
    assert claimed(store, "here", [0]).id == second.id


def test_a_run_that_wants_two_slots_waits_for_both_and_is_not_overtaken(store: JobStore, add: Add) -> None:
    small, large, huge, last = add(), add(gpus=2), add(gpus=3), add()
    assert claimed(store, "here", [0, 1]).id == small.id
    assert store.claim("here", [0, 1]) is None
    store.finish(small.id, S.DONE)
    store.release(small.id)
    assert claimed(store, "here", [0, 1]).slots == (0, 1)
    assert claimed(store, "there", [0, 1]).id == last.id, "what fits nowhere here is left to a larger host"
    assert store.get(huge.id).state is S.QUEUED and store.get(large.id).state is S.RUNNING


def test_many_claiming_at_once_never_get_the_same_run_nor_the_same_slot(url: str, store: JobStore, add: Add) -> None:
    jobs = [add().id for _ in range(24)]
    won: list[Job] = []

    def drain() -> None:
        database = open_database(url)
        mine = JobStore(database)
        for _ in range(40):
            if job := mine.claim("here", range(24)):
                won.append(job)
        database.close()

    threads = [threading.Thread(target=drain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(job.id for job in won) == sorted(jobs)
    assert sorted(slot for job in won for slot in job.slots) == list(range(24))
    assert {job.attempts for job in won} == {1}


def test_the_first_of_two_ends_wins_when_both_come_at_once(url: str, store: JobStore, add: Add) -> None:
    for _ in range(8):
        job = add()
        running = claimed(store, "here", range(100))
        barrier = threading.Barrier(2)
        results: dict[JobState, bool] = {}

        def end(
            state: JobState,
            id: str = running.id,
            barrier: threading.Barrier = barrier,
            results: dict[JobState, bool] = results,
        ) -> None:
            barrier.wait()
            results[state] = store.finish(id, state)

        threads = [threading.Thread(target=end, args=(state,)) for state in (S.DONE, S.INTERRUPTED)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winners = [state for state, won in results.items() if won]
        assert winners == [store.get(job.id).state]
        assert states(store, job) == [S.QUEUED, S.RUNNING, winners[0]]


def test_an_unknown_run_is_one_sentence(store: JobStore) -> None:
    for call in (store.get, store.resume, store.request_stop, store.events, store.delete, store.latest_metrics):
        with pytest.raises(JobNotFound, match="There is no run 'nowhere'"):
            call("nowhere")
