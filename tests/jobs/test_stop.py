"""A stop ends a run, gently where it listens and with its whole family where it does not."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.jobs.runner import Runner
from app.processes.identity import identity, session_processes
from lamp.export.saved_prompt import load_prompt
from storage.errors import NotStored
from storage.jobs import Job, JobState
from tests.jobs.conftest import QUICK, System, make_system
from tests.jobs.warm import Mother, WarmExecutor

Toy = Callable[..., Job]


@pytest.fixture
def toy_system(tmp_path: Path) -> System:
    return make_system(tmp_path / "home", tmp_path / "no-backbone")


@pytest.fixture
def toy(toy_system: System, toys: Mother) -> Iterator[Toy]:
    """Queues a toy run on a system with one slot and short timeouts."""
    executor = WarmExecutor(toys, toy_system.home, toy_system.environment())
    runner = Runner(toy_system.store, executor, [""], timeouts=replace(QUICK, stop=1.5, terminate=0.5))
    runner.start()
    yield lambda steps, **config: toy_system.store.add("toy", config, "d", "d", steps)
    runner.close()
    for job in toy_system.store.active():
        if job.worker:
            executor.stop(job.worker, force=True)


def test_a_stopped_run_has_exported_its_prompt_and_can_go_on(system: System, runner: Runner) -> None:
    job = system.submit(4000)
    system.until(job.id, lambda job: job.step > 3)
    system.store.request_stop(job.id)
    stopped = system.ended(job.id, JobState.STOPPED)
    assert load_prompt(system.artifacts.path(job.id)).labels == ("positive", "negative")
    assert 3 < stopped.step < 4000 and "accuracy" in stopped.scores
    assert max(step for step, _ in system.store.curve(job.id, "loss", 10_000)) == stopped.step
    system.store.resume(job.id)
    on = system.until(job.id, lambda job: job.attempts == 2 and job.step > stopped.step)
    assert f"Going on from the checkpoint at step {stopped.step}" in system.home.log(job.id).read_text()
    system.store.request_stop(on.id)
    system.ended(job.id, JobState.STOPPED)


def test_a_run_that_is_deaf_to_the_stop_is_told_by_the_system_to_end(toy_system: System, toy: Toy) -> None:
    job, next_one = toy(10_000, seconds=0.01, deaf=True), toy(1)
    toy_system.until(job.id, lambda job: job.step > 0)
    toy_system.store.request_stop(job.id)
    stopped = toy_system.ended(job.id, JobState.STOPPED, seconds=10)
    assert toy_system.store.events(job.id)[-1].reason == "Stopped before it was finished."
    assert stopped.error is None
    toy_system.ended(next_one.id, JobState.DONE)


def test_a_stubborn_worker_is_killed_with_all_that_it_started_and_its_slot_is_free(
    toy_system: System, toy: Toy
) -> None:
    job, next_one = toy(10_000, seconds=0.01, deaf=True, stubborn=True), toy(1)
    running = toy_system.until(job.id, lambda job: job.step > 0)
    assert running.worker is not None and len(session_processes(running.worker)) == 2
    toy_system.store.request_stop(job.id)
    toy_system.ended(job.id, JobState.STOPPED, seconds=10)
    assert session_processes(running.worker) == []
    assert "did not answer" in toy_system.store.events(job.id)[-1].reason
    toy_system.ended(next_one.id, JobState.DONE)


def test_what_a_killed_worker_had_started_is_ended_too(toy_system: System, toy: Toy) -> None:
    job = toy(100, seconds=0.05, stubborn=True)
    running = toy_system.until(job.id, lambda job: job.step > 0)
    assert running.worker is not None
    os.kill(running.worker.pid, signal.SIGKILL)
    while identity(running.worker.pid):
        time.sleep(0.001)
    assert len(session_processes(running.worker)) == 1, "its child has outlived it"
    toy_system.until(job.id, lambda job: job.attempts == 2)
    assert session_processes(running.worker) == []


def test_a_worker_that_the_system_ends_leaves_a_run_that_goes_on_by_itself(toy_system: System, toy: Toy) -> None:
    job = toy(60, seconds=0.02)
    running = toy_system.until(job.id, lambda job: job.step > 0)
    assert running.worker is not None
    os.kill(running.worker.pid, signal.SIGTERM)
    done = toy_system.ended(job.id, JobState.DONE)
    assert done.attempts == 2 and done.step == 60


def test_a_run_that_is_stopped_before_it_trains_has_no_prompt(toy_system: System, toy: Toy) -> None:
    job = toy(1000, seconds=0.02, before_training=True)
    toy_system.until(job.id, lambda job: job.step > 0)
    toy_system.store.request_stop(job.id)
    stopped = toy_system.ended(job.id, JobState.STOPPED)
    assert stopped.artifact is None
    assert toy_system.store.events(job.id)[-1].reason == "Stopped before it was finished."


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("OSError", "The disk is full: free some space, then resume the run from its last checkpoint."),
        ("KeyError", "The run ended with an unexpected KeyError: 'x'; the log says more."),
    ],
)
def test_a_failed_run_says_why_in_one_sentence_and_keeps_its_metrics(
    toy_system: System, toy: Toy, error: str, sentence: str
) -> None:
    job = toy(3, error=error)
    failed = toy_system.ended(job.id, JobState.FAILED)
    assert (failed.error, failed.step) == (sentence, 3)
    assert len(toy_system.store.curve(job.id, "loss")) == 3
    log = toy_system.home.log(job.id).read_text()
    assert "Traceback" in log and sentence in log
    with pytest.raises(NotStored):
        toy_system.artifacts.path(job.id)


def test_a_run_that_could_not_go_on_but_has_a_prompt_has_failed_and_keeps_it(toy_system: System, toy: Toy) -> None:
    job = toy(3, failure="The loss became nan at step 4; the prompt of step 2 was kept.")
    failed = toy_system.ended(job.id, JobState.FAILED)
    assert failed.error == "The loss became nan at step 4; the prompt of step 2 was kept."
    assert (failed.step, failed.artifact) == (3, job.id)
    assert failed.scores == pytest.approx({"loss": 1 / 3})
    assert toy_system.artifacts.path(job.id).is_dir()


def test_a_recipe_that_cannot_be_run_fails_with_its_own_sentence(system: System, runner: Runner) -> None:
    values = system.config.to_dict()
    values["data"]["target_column"] = "lable"
    job = system.store.add("typo", values, system.dataset, "table.csv", 4)
    failed = system.ended(job.id, JobState.FAILED)
    assert failed.error == "The data set has no column 'lable'; it has 'text', 'label'."
    assert "Traceback" not in system.home.log(job.id).read_text()
