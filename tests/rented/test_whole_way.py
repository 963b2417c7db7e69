"""Runs on rented machines, each of them a process that is started with the very command that the Hub is given."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.backbones.registry import Backbones
from app.jobs.executors import LocalExecutor
from app.jobs.rented.executor import RentedExecutor
from app.jobs.runner import Runner
from storage.jobs import Job, JobState
from tests.hub.conftest import ADA, contents
from tests.jobs.conftest import QUICK, make_system
from tests.rented.conftest import BACKBONE, RentingStudio
from tests.rented.played import until

pytestmark = [pytest.mark.rented]
STEPS = 1500
SECONDS = 240.0


@pytest.fixture
def renting(studio: RentingStudio, tiny_llama: Path, tmp_path: Path) -> Iterator[RentingStudio]:
    """With a runner that rents, whose workers are processes."""
    studio.hub.add(BACKBONE, contents(tiny_llama))
    variables = {
        **studio.system.environment(),
        "STUDIO_HF_JOBS": "t4-small",
        "STUDIO_HF_JOBS_TOKEN": ADA.token,
        "HF_ENDPOINT": studio.hub.url,
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path / "huggingface"),
    }
    store, home = studio.system.store, studio.system.home
    executor = RentedExecutor(home, variables, Backbones(studio.settings), store, studio.job())
    executor._command = (sys.executable, "-m", "tests.rented.quick_worker")
    executor.again_seconds = 0.1
    runner = Runner(store, executor, [""], timeouts=QUICK)
    runner.start()
    yield studio
    runner.close()
    for rented in studio.hub.jobs:
        print(rented.stage, *rented.lines()[-20:], sep="\n")  # shown where a test fails
    for job in store.active():
        if job.worker is not None:
            LocalExecutor.stop(executor, job.worker, force=True)


def submit(studio: RentingStudio, **train: object) -> Job:
    return studio.submit(STEPS, checkpoint_every=20, evaluate_every=200, **train)


def test_a_run_whose_machine_is_lost_ends_on_another_as_an_undisturbed_one_does_here(
    renting: RentingStudio, tiny_llama: Path
) -> None:
    system = renting.system
    job = submit(renting)
    checkpoints = system.home.checkpoints(job.id)
    system.until(job.id, lambda job: job.step > 50 and bool(list(checkpoints.glob("step-*"))), SECONDS)
    renting.hub.jobs[0].end("ERROR")
    done = system.ended(job.id, JobState.DONE, SECONDS)
    assert (done.attempts, done.step, len(renting.hub.jobs)) == (2, STEPS, 2)
    assert system.artifacts.path(job.id).is_dir() and system.home.answers(job.id).is_file()
    assert [repository.kind for repository in renting.hub.repositories] == ["models"]
    assert system.store.curve(job.id, "loss", 10_000) == losses_here(renting, tiny_llama)


def test_a_run_on_a_rented_machine_is_stopped_with_its_best_prompt(renting: RentingStudio) -> None:
    system = renting.system
    job = submit(renting)
    system.until(job.id, lambda job: job.step > 0, SECONDS)
    system.store.request_stop(job.id)
    stopped = system.ended(job.id, JobState.STOPPED, SECONDS)
    assert 0 < stopped.step < STEPS and stopped.artifact == job.id
    until(lambda: renting.hub.jobs[0].info()["status"]["stage"] == "COMPLETED")
    assert ADA.token not in system.home.log(job.id).read_text()


def losses_here(studio: RentingStudio, backbone: Path) -> list[tuple[int, float]]:
    """The curve of the same recipe as a studio without rented machines trains it."""
    system = make_system(studio.system.home.root.parent / "here" / "home", backbone)
    runner = Runner(system.store, LocalExecutor(system.home, system.environment()), [""], timeouts=QUICK)
    runner.start()
    try:
        job = system.submit(STEPS, checkpoint_every=20, evaluate_every=200)
        system.ended(job.id, JobState.DONE, SECONDS)
    finally:
        runner.close()
    return list(system.store.curve(job.id, "loss", 10_000))
