"""Servers that go away, with their workers or without them, and the machine restarting under both."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.jobs.executors import LocalExecutor
from app.jobs.runner import Runner, Timeouts
from app.processes.identity import end_session, host_name, identity, this_process
from storage.jobs import JobState, Worker
from tests.jobs.conftest import QUICK, System, make_system
from tests.jobs.test_killed_workers import losses
from tests.storage.postgres import new_database

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def server_on() -> Iterator[Callable[[System], Start]]:
    """Starts studio processes on a system's database, and ends them and their workers with the test."""
    started: list[subprocess.Popen[str]] = []
    systems: list[System] = []

    def on(system: System) -> Start:
        systems.append(system)

        def start(*arguments: str, slots: int = 1) -> subprocess.Popen[str]:
            environment = {**os.environ, **system.environment(), "STUDIO_SLOTS": str(slots), "OMP_NUM_THREADS": "1"}
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.jobs.studio_process", *arguments],
                text=True,
                env=environment,
                stdout=subprocess.PIPE,
            )
            started.append(process)
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            return process

        return start

    yield on
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    for system in systems:
        for job in system.store.active():
            if job.worker:
                end_session(job.worker, signal.SIGKILL, 5)


@pytest.fixture
def server(system: System, server_on: Callable[[System], Start]) -> Start:
    return server_on(system)


@pytest.mark.slow
def test_a_run_outlives_its_server_and_when_both_are_killed_the_next_server_resumes_it(
    system: System, server: Start
) -> None:
    job = system.submit(400)
    first = server()
    system.until(job.id, lambda job: job.step > 0)
    first.kill()
    first.wait()
    seen = system.store.get(job.id).step
    system.until(job.id, lambda job: job.step > seen + 5)
    second = server()
    time.sleep(1)
    adopted = system.store.get(job.id)
    assert adopted.attempts == 1 and adopted.state is JobState.RUNNING
    second.kill()
    second.wait()
    system.kill(adopted)
    committed = losses(system, job)
    server()
    done = system.ended(job.id, JobState.DONE, seconds=120)
    assert done.attempts == 2
    assert set(committed) <= set(losses(system, done))
    assert [step for step, _ in losses(system, done)] == list(range(1, 401))


def restarted(system: System, worker: Worker) -> Runner:
    """A runner on a database in which `worker` has a run in hand that was told of long ago."""
    system.submit()
    job = system.store.claim(worker.host, [0])
    assert job is not None and system.store.started(job.id, 1, worker)
    executor = LocalExecutor(system.home, system.environment())
    return Runner(system.store, executor, [], auto_resume=False, timeouts=replace(QUICK, silence=0.3))


def test_after_a_restart_of_the_machine_a_process_with_the_same_id_is_neither_adopted_nor_harmed(
    system: System,
) -> None:
    bystander = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        now = identity(bystander.pid) or ""
        boot, _, ticks = now.partition(":")
        for before in (f"another-boot:{ticks}", f"{boot}:{int(ticks) - 5000}"):
            runner = restarted(system, Worker(host_name(), bystander.pid, before))
            runner.turn()
            job = system.store.list()[0]
            assert (job.state, job.error) == (
                JobState.INTERRUPTED,
                "Its worker vanished: it was killed, ran out of memory, or the machine was restarted.",
            )
            assert system.store.releasing_slots(host_name()) == []
        assert identity(bystander.pid) == now
    finally:
        bystander.kill()
        bystander.wait()


def test_a_process_that_is_there_but_gives_no_sign_of_life_is_ended_and_its_run_interrupted(system: System) -> None:
    stuck = subprocess.Popen(["sleep", "60"], start_new_session=True)
    runner = restarted(system, Worker(host_name(), stuck.pid, identity(stuck.pid) or ""))
    runner.turn()
    assert system.store.list()[0].state is JobState.RUNNING, "it is watched for a while first"
    time.sleep(0.4)
    runner.turn()
    job = system.store.list()[0]
    assert job.state is JobState.INTERRUPTED
    assert job.error is not None
    assert re.fullmatch(rf"Its worker on {host_name()} gave no sign of life for \d+ seconds\.", job.error)
    assert stuck.wait(timeout=5) == -signal.SIGKILL


def test_a_run_on_another_host_is_left_alone_while_its_heart_beats(system: System) -> None:
    runner = restarted(system, replace(this_process(), host="elsewhere"))
    job = system.store.list()[0]
    for _ in range(5):
        system.store.heartbeat(job.id, 1, "Training")
        runner.turn()
        time.sleep(0.1)
    assert system.store.get(job.id).state is JobState.RUNNING
    time.sleep(0.4)
    runner.turn()
    assert system.store.get(job.id).state is JobState.INTERRUPTED


def test_a_claimed_run_whose_server_died_before_it_started_a_worker_is_not_stuck(system: System) -> None:
    system.submit()
    job = system.store.claim(host_name(), [0])
    assert job is not None
    executor = LocalExecutor(system.home, system.environment())
    runner = Runner(system.store, executor, [], auto_resume=True, timeouts=Timeouts(start=0.1))
    runner.turn()
    time.sleep(0.2)
    runner.turn()
    again = system.store.get(job.id)
    assert again.state is JobState.QUEUED and again.resumes == 1
    assert not system.store.started(job.id, 1, this_process()), "too late a worker finds the run taken from it"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_200_runs_drained_by_two_studios_are_each_run_once(
    tmp_path: Path, server_on: Callable[[System], Start], kind: str, request: pytest.FixtureRequest
) -> None:
    url = new_database(request.getfixturevalue("postgres")) if kind == "postgresql" else ""
    system = make_system(tmp_path / "home", tmp_path / "no-backbone", url)
    jobs = [system.submit(2) for _ in range(200)]
    start = server_on(system)
    start("toy", slots=4)
    start("toy", slots=4)
    system.until(jobs[-1].id, lambda _: len(system.store.list(200, states=[JobState.DONE])) == 200, seconds=200)
    for job in jobs:
        assert [event.state for event in system.store.events(job.id)] == ["queued", "running", "done"]
        assert losses(system, job) == [(1, 1.0), (2, 0.5)]
        assert len(list(system.home.artifacts.glob(f"{job.id}.*"))) == 1
    assert {job.attempts for job in system.store.list(300)} == {1}
