"""A run of several GPUs is one run of several processes: it trains as one with the whole batch, and ends as one."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from app.jobs.runner import Runner
from app.processes.identity import session_processes
from lamp.export.saved_prompt import load_prompt
from storage.jobs import Job, JobState
from tests.jobs.conftest import QUICK, System
from tests.jobs.warm import WarmExecutor

pytestmark = pytest.mark.slow


@pytest.fixture
def pair(system: System, executor: WarmExecutor) -> Iterator[Runner]:
    """A runner with two GPUs; torch finds none there, so that the processes compute on the CPU."""
    started = Runner(system.store, executor, ["0", "1"], timeouts=QUICK)
    started.start()
    yield started
    started.close()


def submit(system: System, steps: int, gpus: int, batch_size: int) -> Job:
    values = system.config.to_dict()
    values["train"] = {**values["train"], "steps": steps, "batch_size": batch_size}
    return system.store.add("a run", values, system.dataset, "table.csv", steps, gpus=gpus)


def peers_of(system: System, job: Job) -> list[int]:
    """Processes of a run beside its worker."""
    worker = system.store.get(job.id).worker
    return [pid for pid in session_processes(worker) if pid != worker.pid] if worker else []


def at_work(system: System, job: Job) -> list[int]:
    system.until(job.id, lambda job: job.step > 2)
    return peers_of(system, job)


def test_a_run_of_two_gpus_has_the_losses_and_scores_of_one_with_the_doubled_batch(
    system: System, pair: Runner
) -> None:
    both = system.ended(submit(system, 6, gpus=2, batch_size=4).id, JobState.DONE)
    alone = system.ended(submit(system, 6, gpus=1, batch_size=8).id, JobState.DONE)
    assert (both.slots, alone.slots) == ((0, 1), (0,))
    losses = [[loss for _, loss in system.store.curve(job.id, "loss")] for job in (both, alone)]
    assert len(losses[0]) == 6 and losses[0] == pytest.approx(losses[1], abs=1e-5)
    assert both.scores == pytest.approx(alone.scores, abs=1e-4)
    assert load_prompt(system.artifacts.path(both.id)).labels == ("positive", "negative")
    assert system.home.log(both.id).read_text().count("Loading the data") == 1, "only one of them speaks"


def test_a_stop_ends_all_processes_of_a_run_after_the_same_step(system: System, pair: Runner) -> None:
    job = submit(system, 4000, gpus=2, batch_size=4)
    assert len(at_work(system, job)) == 1
    system.store.request_stop(job.id)
    stopped = system.ended(job.id, JobState.STOPPED)
    assert 2 < stopped.step < 4000 and stopped.artifact


def test_a_run_that_loses_one_of_its_processes_goes_on_by_itself(system: System, pair: Runner) -> None:
    job = submit(system, 400, gpus=2, batch_size=4)
    peers = at_work(system, job)
    worker = system.store.get(job.id).worker
    assert worker is not None
    os.kill(peers[0], signal.SIGKILL)
    again = system.until(job.id, lambda job: "Going on from the checkpoint" in system.home.log(job.id).read_text())
    assert (again.state, again.attempts) == (JobState.RUNNING, 2) and session_processes(worker) == []
    system.store.request_stop(job.id)
    system.ended(job.id, JobState.STOPPED)


def test_no_process_outlives_its_worker_when_nobody_looks_after_them(
    system: System, executor: WarmExecutor, pair: Runner
) -> None:
    job = submit(system, 4000, gpus=2, batch_size=4)
    peers = at_work(system, job)
    pair.close()
    system.kill(system.store.get(job.id))
    deadline = time.monotonic() + 10
    while peers_of(system, job) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert peers and not peers_of(system, job)


def test_a_run_that_was_given_fewer_gpus_than_it_asks_for_is_not_trained_on_those(
    system: System, executor: WarmExecutor
) -> None:
    shared = Runner(system.store, executor, ["0", "0"], timeouts=QUICK)
    shared.start()
    failed = system.ended(submit(system, 4, gpus=2, batch_size=4).id, JobState.FAILED)
    shared.close()
    assert failed.error is not None and failed.error.startswith("This run asks for 2 GPUs and was given 1")


def test_an_error_of_the_data_is_the_run_s_one_sentence(system: System, pair: Runner) -> None:
    values = system.config.to_dict()
    values["data"]["target_column"] = "lable"
    job = system.store.add("typo", values, system.dataset, "table.csv", 4, gpus=2)
    failed = system.ended(job.id, JobState.FAILED)
    assert failed.error == "The data set has no column 'lable'; it has 'text', 'label'."
