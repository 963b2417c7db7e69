"""Finding runs, writing on them, deleting them and having them back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from storage.database import Database, utc_now
from storage.errors import JobNotFound, WrongState
from storage.jobs import Job, JobState, JobStore
from storage.listing import Order
from storage.queue import Waiting, in_turn
from storage.tables import JobRow

Add = Callable[..., Job]


def test_runs_are_listed_newest_first_and_found_by_state_owner_and_text(store: JobStore, add: Add) -> None:
    jobs = [add(f"run {n}", owner="ada" if n % 2 else "bob") for n in range(5)]
    store.annotate(jobs[1].id, "50 % better", ["ü-tag", "best", "best"])
    assert [job.name for job in store.list(limit=2, offset=1)] == ["run 3", "run 2"]
    assert [job.name for job in store.list(owner="bob")] == ["run 4", "run 2", "run 0"]
    assert [job.name for job in store.list(text="0 %")] == ["run 1"]
    assert [job.name for job in store.list(text="RUN 3")] == ["run 3"]
    assert store.list(text="%%") == []
    store.claim("here", [0])
    assert [job.name for job in store.list(states=[JobState.RUNNING])] == ["run 0"]
    assert len(store.list()) == 5 and len(store.list(states=[JobState.QUEUED])) == 4
    assert store.get(jobs[1].id).tags == ("best", "ü-tag")
    assert store.rename(jobs[0].id, "first").name == "first"


def test_every_word_of_a_search_occurs_in_the_name_the_note_a_tag_the_data_set_or_the_backbone(store: JobStore) -> None:
    first = store.add(
        "Größe",
        {"backbone": "org/SmolLM2"},
        "sample:x",
        "films.csv",
        10,
        note="50 % better",
        tags=["Ärger", "best one"],
    )
    second = store.add("other", {}, "sample:x", "tweets.csv", 10, tags=["a_b"])

    def names(text: str) -> list[str]:
        return [job.name for job in store.list(text=text)]

    assert [job.backbone for job in (first, second)] == ["org/SmolLM2", ""]
    for word in ("größe", "GRÖ", "smollm2", "FILMS", "better", "50", "%", "ärger", "ÄRGER", "best", "one"):
        assert names(word) == ["Größe"], word
    assert names("CSV") == ["other", "Größe"] and names(" ") == ["other", "Größe"]
    assert names("ärger smol best films GRÖ") == ["Größe"], "each word may occur in another place"
    assert names("größe tweets") == [], "and all of them must"
    assert names("a_b") == ["other"] and names("_") == ["other"], "no character is a wildcard"
    third = store.add("third", {"backbone": "/srv/models/tiny_llama/"}, "sample:x", "x.csv", 10)
    assert third.backbone == "/srv/models/tiny_llama/" and names("tiny_llama") == ["third"]
    for hidden in ("org", "org/SmolLM2", "srv", "models", "/"):
        assert names(hidden) == [], "no page shows the owner or the folder of a backbone"
    for punctuation in ('"', "[", ",", "bestone"):
        assert names(punctuation) == [], "what holds the stored tags together is not searched"


def test_the_newest_run_on_a_backbone_is_one_that_trained_and_was_not_deleted(store: JobStore) -> None:
    def trained(backbone: str) -> Job:
        job = store.add("a run", {"backbone": backbone}, "sample:x", "x.csv", 10)
        store.claim("here", [job.number])
        store.heartbeat(job.id, 5, "Training", [(5, "loss", 1.0)])
        store.finish(job.id, JobState.DONE)
        return job

    assert store.newest_with("loss", "org/model") is None
    first, second, _ = trained("org/model"), trained("org/model"), trained("org/model-2")
    store.add("queued", {"backbone": "org/model"}, "sample:x", "x.csv", 10)
    assert store.newest_with("loss", "org/model") == store.get(second.id)
    assert store.newest_with("rows_per_second", "org/model") is None
    store.delete(second.id)
    assert store.newest_with("loss", "org/model") == store.get(first.id)


def test_a_deleted_run_is_hidden_and_comes_back_until_it_is_swept(store: JobStore, add: Add) -> None:
    job = add()
    store.log_values(job.id, [(1, "loss", 1.0)])
    assert store.delete(job.id).state is JobState.STOPPED, "a queued run does not start any more"
    assert store.list() == [] and [job.id for job in store.list(deleted=True)] == [job.id]
    with pytest.raises(WrongState, match="was deleted"):
        store.resume(job.id)
    assert store.expired(timedelta(days=1)) == []
    store.restore(job.id)
    assert [job.id for job in store.list()] == [job.id] and not store.purge(job.id)
    store.delete(job.id)
    assert [job.id for job in store.expired(timedelta(0))] == [job.id]
    assert store.purge(job.id)
    with pytest.raises(JobNotFound):
        store.get(job.id)
    with pytest.raises(JobNotFound):
        store.restore(job.id)


def test_a_running_run_must_be_stopped_before_it_is_deleted(store: JobStore, add: Add) -> None:
    job = add("busy")
    store.claim("here", [0])
    with pytest.raises(WrongState, match="'busy' is running: stop it"):
        store.delete(job.id)


def test_a_run_is_moved_forward_by_its_priority_and_a_resumed_one_goes_to_the_end(store: JobStore, add: Add) -> None:
    first, second, third = add(), add(), add()
    store.put_first(third.id)
    assert store.queue() == [third.id, first.id, second.id]
    store.request_stop(first.id)
    store.resume(first.id)
    assert store.queue() == [third.id, second.id, first.id]


def test_owners_take_turns_however_many_runs_one_of_them_queued(store: JobStore, add: Add) -> None:
    for _ in range(4):
        add("ada", owner="ada", priority=9)
    add("bob", owner="bob")
    served = []
    while job := store.claim("here", [0]):
        served.append(job.owner)
        store.finish(job.id, JobState.DONE)
        store.release(job.id)
    assert served == ["ada", "bob", "ada", "ada", "ada"]


def test_an_owner_with_runs_going_waits_for_one_with_none() -> None:
    waiting = [Waiting(1, "ada", 0, 1, 1), Waiting(2, "ada", 0, 2, 1), Waiting(3, "bob", 0, 3, 1)]
    order = in_turn(waiting, active={"ada": 1}, last_started={"ada": 5.0, "bob": 9.0})
    assert [waiting.number for waiting in order] == [3, 1, 2]


def test_runs_are_listed_by_name_by_score_and_by_duration_in_both_directions(
    store: JobStore, database: Database, add: Add
) -> None:
    ended: list[tuple[str, dict[str, float], int]] = [
        ("beta", {"accuracy": 0.5, "loss": 0.1}, 40),
        ("Alpha", {"loss": 2.0}, 100),
        ("gamma", {"rouge_l": 0.9}, 5),
        ("delta", {"loss": 0.5}, 3600),
    ]
    for number, (name, scores, seconds) in enumerate(ended):
        job = add(name)
        store.claim("here", [number])
        store.finish(job.id, JobState.DONE, scores=scores)
        started = utc_now() - timedelta(hours=3)
        times = {"started_at": started, "finished_at": started + timedelta(seconds=seconds)}
        with database.write() as session:
            session.execute(update(JobRow).where(JobRow.id == job.id).values(**times))
    running = add("running")
    store.claim("here", [9])
    with database.write() as session:
        began = utc_now() - timedelta(minutes=30)
        session.execute(update(JobRow).where(JobRow.id == running.id).values(started_at=began))
    add("waiting")

    def names(order: Order, reverse: bool = False) -> list[str]:
        return [job.name for job, _ in store.listed(10, order=order, reverse=reverse)]

    assert names("date") == ["waiting", "running", "delta", "gamma", "Alpha", "beta"]
    assert names("date", True) == ["beta", "Alpha", "gamma", "delta", "running", "waiting"]
    assert names("name") == ["Alpha", "beta", "delta", "gamma", "running", "waiting"]
    assert names("name", True) == ["waiting", "running", "gamma", "delta", "beta", "Alpha"]
    assert names("score") == ["gamma", "beta", "delta", "Alpha", "waiting", "running"]
    assert names("score", True) == ["beta", "gamma", "Alpha", "delta", "waiting", "running"], "those without come last"
    assert names("duration") == ["delta", "running", "Alpha", "beta", "gamma", "waiting"]
    assert names("duration", True) == ["gamma", "beta", "Alpha", "running", "delta", "waiting"]


def test_a_score_that_is_no_number_neither_keeps_a_run_from_ending_nor_a_list_from_being_sorted(
    store: JobStore, database: Database, add: Add
) -> None:
    job = add("odd")
    store.claim("here", [0])
    assert store.finish(job.id, JobState.DONE, scores={"accuracy": 0.5, "perplexity": float("inf")})
    assert store.get(job.id).scores == {"accuracy": 0.5}
    if database.dialect != "postgresql":  # which never took such a score
        with database.write() as session:
            session.execute(update(JobRow).where(JobRow.id == job.id).values(scores={"accuracy": float("nan")}))
    assert [one.name for one, _ in store.listed(10, order="score")] == ["odd"]


def test_a_listed_run_comes_with_the_one_that_it_is_compared_with(store: JobStore, add: Add) -> None:
    first = add("first")
    store.add("other data", {}, "sample:y", "y", 10)
    second = add("second")
    add("third", parent=first.id)
    add("fourth", parent="purged")

    def compared() -> dict[str, str | None]:
        return {job.name: earlier.name if earlier else None for job, earlier in store.listed(10)}

    assert compared() == {
        "fourth": "third", "third": "first", "second": "first", "other data": None, "first": None
    }  # fmt: skip
    store.delete(first.id)
    assert compared() == {"fourth": "third", "third": "second", "second": None, "other data": None}
    assert [(job.name, earlier) for job, earlier in store.listed(10, deleted=True)] == [("first", None)]
    assert [job.name for job, _ in store.listed(1, text="third second")] == []
    assert [job.name for job, _ in store.listed(1, text="RD")] == ["third"], "of those found, the first"
    assert second.name == "second"


def test_a_tag_is_added_to_those_that_are_there(store: JobStore, add: Add) -> None:
    job = add()
    store.annotate(job.id, "a note", ["b"])
    assert store.add_tags(job.id, [" a ", "b", ""]).tags == ("a", "b")
    assert store.get(job.id).tags == ("a", "b") and store.get(job.id).note == "a note"
    with pytest.raises(JobNotFound):
        store.add_tags("none", ["a"])


def test_the_runs_that_ended_since_an_event_are_told_once(store: JobStore, add: Add) -> None:
    before, going = add("before"), add("going")
    store.request_stop(before.id)
    newest, ended = store.ended_since(None)
    assert ended == []
    store.claim("here", [0])
    store.finish(going.id, JobState.DONE)
    lost = add("lost")
    store.claim("here", [1])
    assert store.mark_lost(lost.id, 1, "It vanished.", resumes=1) is not None, "and is resumed at once"
    gone = add("gone")
    store.delete(gone.id)
    later, ended = store.ended_since(newest)
    assert [job.name for job in ended] == ["going"]
    assert store.ended_since(later) == (later, [])


def test_whoever_listens_is_told_of_each_end_of_a_run_once_it_is_stored(database: Database) -> None:
    told: list[tuple[str, JobState, JobState]] = []
    store = JobStore(database, lambda job: told.append((job.name, job.state, store.get(job.id).state)))
    done, lost, resumed, waiting = (
        store.add(name, {}, "sample:x", "x", 10).id for name in ("done", "lost", "resumed", "waiting")
    )
    for number in range(3):
        assert store.claim("here", [number]) is not None
    assert store.finish(done, JobState.DONE) and not store.finish(done, JobState.FAILED)
    store.mark_lost(lost, 1, "It vanished.")
    store.mark_lost(resumed, 1, "It vanished.", resumes=1)
    store.request_stop(waiting)
    store.request_stop(waiting)
    assert told == [
        ("done", JobState.DONE, JobState.DONE),
        ("lost", JobState.INTERRUPTED, JobState.INTERRUPTED),
        ("waiting", JobState.STOPPED, JobState.STOPPED),
    ]
