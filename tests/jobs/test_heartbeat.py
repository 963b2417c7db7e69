"""The worker's heartbeat: it never holds up the training, and never speaks for a run that is another's."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.jobs.executors import LocalExecutor
from app.jobs.heartbeat import Heartbeat
from app.jobs.job_reporter import JobReporter
from app.jobs.journal import Journal
from app.jobs.runner import Runner, Timeouts
from app.jobs.tracking import Tracking
from app.jobs.worker import main
from app.settings import Settings
from storage.errors import DatabaseUnavailable
from storage.jobs import Job, JobState, JobStore
from tests.jobs.conftest import System, make_system


@pytest.fixture
def system(tmp_path: Path) -> System:
    return make_system(tmp_path / "home", tmp_path / "no-backbone")


def claimed(system: System) -> Job:
    system.submit()
    job = system.store.claim("here", [0])
    assert job is not None
    return job


def heartbeat_of(system: System, job: Job, on_lost: Callable[[], None] = lambda: None) -> Heartbeat:
    journal = Journal(system.home.checkpoints(job.id) / "journal.jsonl")
    return Heartbeat(
        system.store, job.id, job.attempts, system.home.log(job.id), journal, seconds=0.05, on_lost=on_lost
    )


def test_many_values_are_one_commit_and_a_stop_comes_back_with_it(system: System) -> None:
    job = claimed(system)
    heartbeat = heartbeat_of(system, job)
    reporter = JobReporter(heartbeat, Tracking(Settings.from_environment(system.environment()), job, print))
    for step in range(1, 101):
        reporter.log(step, {"loss": 1.0})
    assert system.store.latest_metrics(job.id) == {}
    assert heartbeat.beat()
    now = system.store.get(job.id)
    assert (now.beats, now.step, len(system.store.curve(job.id, "loss"))) == (1, 100, 100)
    assert not reporter.should_stop()
    reporter.phase("Scoring on 200 held-out rows")
    reporter.part(0.0)
    assert heartbeat.phase == "Scoring on 200 held-out rows"
    reporter.part(0.254)
    assert heartbeat.phase == "Scoring on 200 held-out rows, 25 % done"
    system.store.request_stop(job.id)
    heartbeat.beat()
    assert reporter.should_stop()
    reporter.part(0.5)
    assert heartbeat.phase == "Stopping: keeping what was learned"
    assert not system.store.get(job.id).stop_heard
    reporter.phase("Writing the prompt")
    heartbeat.beat()
    stopping = system.store.get(job.id)
    assert (stopping.phase, stopping.stop_heard) == ("Stopping: writing the prompt", True)


def test_values_wait_while_the_database_does_not_answer(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    job = claimed(system)
    heartbeat = heartbeat_of(system, job)
    heartbeat.add(1, {"loss": 1.0})

    def locked(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("The database did not answer: database is locked.")

    with monkeypatch.context() as patched:
        patched.setattr(JobStore, "heartbeat", locked)
        assert not heartbeat.beat()
    heartbeat.add(2, {"loss": 0.5})
    assert heartbeat.beat()
    assert system.store.curve(job.id, "loss") == [(1, 1.0), (2, 0.5)]


def test_a_worker_whose_run_was_given_to_another_stops_at_once(system: System) -> None:
    job = claimed(system)
    lost: list[bool] = []
    heartbeat = heartbeat_of(system, job, on_lost=lambda: lost.append(True))
    system.store.mark_lost(job.id, 1, "taken for dead", resumes=3)
    heartbeat.add(1, {"loss": 1.0})
    heartbeat.beat()
    assert lost and system.store.latest_metrics(job.id) == {}


def test_the_end_is_recorded_once_even_while_the_heartbeat_goes_on(system: System) -> None:
    job = claimed(system)
    lost: list[bool] = []
    heartbeat = heartbeat_of(system, job, on_lost=lambda: lost.append(True))
    heartbeat.start()
    heartbeat.add(12, {"loss": 1.0})
    heartbeat.end(lambda: system.store.finish(job.id, JobState.DONE, attempt=1))
    time.sleep(0.2)
    assert not lost
    done = system.store.get(job.id)
    assert (done.state, done.step) == (JobState.DONE, 12)


def test_a_worker_that_comes_too_late_leaves_the_run_alone(
    system: System, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in system.environment().items():
        monkeypatch.setenv(name, value)
    job = claimed(system)
    system.store.finish(job.id, JobState.INTERRUPTED)
    before = system.store.get(job.id)
    assert main([job.id, "1"]) == 3
    assert system.store.get(job.id) == before
    assert main(["nowhere"]) == 1
    assert "There is no run 'nowhere'" in capsys.readouterr().err
    assert main([]) == 2


def test_a_worker_that_cannot_be_started_fails_its_run_in_one_sentence(system: System) -> None:
    job = system.submit()
    executor = LocalExecutor(system.home, {}, command=["/nowhere/python"])
    runner = Runner(system.store, executor, [""], timeouts=Timeouts())
    runner.turn()
    failed = system.store.get(job.id)
    assert failed.state is JobState.FAILED
    assert failed.error == "The worker could not be started: No such file or directory."
    runner.turn()
    assert system.store.releasing_slots(executor.host) == []


def test_a_turn_survives_whatever_happens_in_it(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    job = claimed(system)
    system.submit()
    executor = LocalExecutor(system.home, {}, command=["/nowhere/python"])
    swept: list[bool] = []

    def sweep() -> None:
        swept.append(True)
        raise RuntimeError("a bug")

    runner = Runner(system.store, executor, [""], timeouts=Timeouts(), sweep=sweep)
    with monkeypatch.context() as patched:
        patched.setattr(JobStore, "active", lambda _: 1 / 0)
        runner.turn()
    assert swept and system.store.get(job.id).state is JobState.RUNNING
    runner.turn()
