"""Runs on a real Ray cluster of two nodes, with PostgreSQL: as on one machine, also when a node goes away."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from app.jobs.ray import cluster as clusters
from app.jobs.runner import Runner
from app.settings import Settings
from storage.jobs import Job, JobState
from storage.shared_files import open_files
from tests.jobs.conftest import System, make_system
from tests.jobs.test_killed_workers import losses
from tests.ray.cluster import TOKEN, Cluster, end_at_once, runs_on
from tests.s3.server import new_bucket
from tests.storage.postgres import new_database

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]

RUNS, STEPS = 20, 300
_PACE = {"checkpoint_every": 20, "evaluate_every": 100}


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The address of an empty bucket that the nodes share in place of a folder; "" unless S3_NODES is set."""
    with ExitStack() as stack:
        yield stack.enter_context(new_bucket()) if os.environ.get("S3_NODES") else ""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, tiny_llama: Path, postgres: str, bucket: str) -> System:
    system = make_system(tmp_path_factory.mktemp("server") / "home", tiny_llama, new_database(postgres))
    files = open_files(system.home.root, bucket)
    files.uploads(system.store.database).add(system.home.root.parent / "table.csv", "table.csv", 60, ("text", "label"))
    return replace(system, home=files.home, artifacts=files.artifacts)


@pytest.fixture(scope="module")
def cluster(system: System, bucket: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    homes = tmp_path_factory.mktemp("nodes") if bucket else None
    started = Cluster(folder, system.environment(), homes)
    try:
        started.add_node()
        yield started
    finally:
        started.close()
        shutil.rmtree(folder, ignore_errors=True)


def new_runner(system: System, cluster: Cluster) -> Runner:
    """A runner as a studio starts it, which takes turns already."""
    settings = Settings.from_environment({**system.environment(), "RAY_ADDRESS": cluster.address, "STUDIO_SLOTS": "2"})
    runner = clusters.Cluster.of(settings).runner(system.store.database)
    runner.start()
    return runner


@pytest.fixture
def runner(system: System, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runner]:
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    started = new_runner(system, cluster)
    yield started
    started.close()


def ended(system: System, job: Job, state: JobState) -> Job:
    """The run once it has ended in `state` and given its slot back."""
    done = system.ended(job.id, state, seconds=600)
    assert done.host is not None and done.host.startswith("Ray at 127.0.0.1:")
    return done


def undisturbed(system: System) -> list[tuple[int, float]]:
    """The losses of a run of the same recipe in a process of its own on this machine."""
    job = system.submit(STEPS, **_PACE)
    assert (claimed := system.store.claim("here", [0])) is not None and claimed.id == job.id
    environment = {**os.environ, **system.environment(), "OMP_NUM_THREADS": "1", "STUDIO_FILES": ""}
    subprocess.run([sys.executable, "-m", "app.jobs.worker", job.id], env=environment, check=True)
    return losses(system, job)


def test_runs_are_each_done_once_with_the_result_of_an_undisturbed_run_though_a_node_dies(
    system: System, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = undisturbed(system)
    second = cluster.add_node()
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    jobs = [system.submit(STEPS, **_PACE) for _ in range(RUNS)]
    runner = new_runner(system, cluster)
    try:
        lost = _on_node_after_step(system, second, 50)
        end_at_once(second)
        for job in jobs:
            ended(system, job, JobState.DONE)
    finally:
        runner.close()
    for job in jobs:
        states = [event.state.value for event in system.store.events(job.id)]
        again = ["interrupted", "queued", "running"] if job.id == lost else []
        assert states == ["queued", "running", *again, "done"], f"{job.id}, lost: {lost}"
        assert losses(system, job) == wanted
        assert system.artifacts.path(job.id).name == f"{job.id}.1"
    assert "Going on from the checkpoint" in system.home.log(lost).read_text()


def _on_node_after_step(system: System, node: psutil.Process, step: int) -> str:
    """The id of a run on that node once it is after `step`."""
    while True:
        for id in runs_on(node):
            system.until(id, lambda job: job.step > step or job.state.finished, 300)
            if not system.store.get(id).state.finished:
                return id


def test_a_stop_ends_a_run_on_its_node_with_its_best_prompt(system: System, runner: Runner) -> None:
    job = system.submit(100_000, **_PACE)
    system.until(job.id, lambda job: job.step > 20, 300)
    system.store.request_stop(job.id)
    stopped = ended(system, job, JobState.STOPPED)
    assert stopped.artifact and system.artifacts.path(job.id).is_dir()
    system.store.resume(job.id)
    system.until(job.id, lambda job: job.step > stopped.step, 300)
    system.store.request_stop(job.id)
    assert ended(system, job, JobState.STOPPED).attempts == 2


def test_the_next_server_takes_up_a_run_and_one_that_waits_for_a_node(
    system: System, cluster: Cluster, runner: Runner
) -> None:
    job, waiting = system.submit(100_000, **_PACE), system.submit(4)
    system.until(job.id, lambda job: job.step > 0, 300)
    system.until(waiting.id, lambda job: job.phase == "Waiting for a machine that is free", 300)
    runner.close()
    second = new_runner(system, cluster)
    try:
        seen = system.store.get(job.id).step
        system.until(job.id, lambda job: job.step > seen + 5, 300)
        system.store.request_stop(job.id)
        assert ended(system, job, JobState.STOPPED).attempts == 1
        assert ended(system, waiting, JobState.DONE).attempts == 1
    finally:
        second.close()
