"""Workers killed at any moment: nothing recorded is lost, and the run ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from app.jobs.runner import Runner
from lamp.export.saved_prompt import load_prompt
from storage.errors import NotStored
from storage.jobs import Job, JobState
from tests.jobs.conftest import System

KILLS = 25
REACHED = ("", "Loading", "Scoring", "Training")  # a kill comes a random time after one of these began
Curve = list[tuple[int, float]]


def losses(system: System, job: Job) -> Curve:
    return system.store.curve(job.id, "loss", points=10_000)


def whole_or_absent(system: System, job: Job) -> bool:
    """Whether there is an artifact; one that is half written fails the test."""
    try:
        folder = system.artifacts.path(job.id)
    except NotStored:
        return False
    assert load_prompt(folder).virtual_tokens.shape == (2, 32)
    return True


def finished_alike(system: System, job: Job, reference: Job, reference_system: System | None = None) -> None:
    """reference_system: where the reference was run, if elsewhere."""
    at = reference_system or system
    assert losses(system, job) == losses(at, reference), "bit by bit"
    assert job.scores == reference.scores
    mine, other = system.artifacts.path(job.id), at.artifacts.path(reference.id)
    assert (mine / "lamp_factors.safetensors").read_bytes() == (other / "lamp_factors.safetensors").read_bytes()
    assert torch.equal(*(load_prompt(folder).virtual_tokens for folder in (mine, other)))


@pytest.mark.slow
def test_a_run_killed_at_any_moment_goes_on_to_the_result_of_an_uninterrupted_one(
    system: System, runner: Runner
) -> None:
    reference = system.ended(system.submit().id, JobState.DONE)
    began = time.monotonic()
    system.ended(system.submit().id, JobState.DONE)
    duration = time.monotonic() - began
    assert len(losses(system, reference)) == 12
    with ThreadPoolExecutor(2) as killers:  # one a slot
        phases = list(
            killers.map(
                lambda seed: kill_once(
                    system, reference, REACHED[seed % len(REACHED)], duration / 3, random.Random(seed)
                ),
                range(KILLS),
            )
        )
    assert len(set(phases)) > 2, phases
    assert {path.name.rpartition(".")[0] for path in system.home.artifacts.iterdir()} <= {
        "",
        *(job.id for job in system.store.list(1000)),
    }, "published ones, and what was being staged"


def logged_phase(system: System, job: Job) -> str:
    """The phase that the run's log says it is in; the database has it up to a second later."""
    log = system.home.log(job.id)
    phases: list[str] = re.findall(r"^\S+ (.+) \.\.\.$", log.read_text() if log.exists() else "", re.MULTILINE)
    return phases[-1] if phases else ""


def kill_once(system: System, reference: Job, phase: str, within: float, chooser: random.Random) -> str:
    """Kills a run at a random moment after a phase began and checks all that must hold; the phase it was killed in."""
    while True:
        job = system.submit()
        system.until(job.id, lambda job: logged_phase(system, job).startswith(phase) or job.state.finished)
        time.sleep(chooser.uniform(0.02, within))
        running = system.store.get(job.id)
        system.kill(running)
        killed_in = logged_phase(system, running)
        now = system.until(job.id, lambda job: job.attempts > 1 or job.state.finished)
        if now.attempts > 1:
            break  # else it was faster than its killer
    committed = losses(system, job)
    whole_or_absent(system, job)
    done = system.ended(job.id, JobState.DONE)
    assert [event.state for event in system.store.events(job.id)] == [
        "queued",
        "running",
        "interrupted",
        "queued",
        "running",
        "done",
    ]
    assert set(committed) <= set(losses(system, done))
    finished_alike(system, done, reference)
    return killed_in


@pytest.mark.parametrize("phase", ["Loading", "Scoring", "Training", "Writing"])
def test_a_run_killed_in_a_phase_goes_on_to_the_same_result(system: System, runner: Runner, phase: str) -> None:
    reference = system.ended(system.submit().id, JobState.DONE)
    job = killed_in(system, phase)
    done = system.ended(job.id, JobState.DONE)
    assert done.attempts == 2
    finished_alike(system, done, reference)


def killed_in(system: System, phase: str) -> Job:
    """A run whose worker was killed in the phase; further runs are tried when one leaves the phase too soon."""
    for _ in range(20):
        job = system.submit()
        system.until(job.id, lambda job: logged_phase(system, job).startswith(phase) or job.state.finished)
        system.kill(system.store.get(job.id))
        killed_in_phase = logged_phase(system, job).startswith(phase)
        now = system.until(job.id, lambda job: job.attempts > 1 or job.state.finished)
        if killed_in_phase and now.attempts > 1:
            return now
    raise AssertionError(f"No run could be killed while its phase was {phase!r}.")


def test_a_run_that_the_system_ends_keeps_the_step_it_was_at_and_goes_on_to_the_same_result(
    system: System, runner: Runner
) -> None:
    seldom = {"evaluate_every": 150, "checkpoint_every": 300}
    reference, job = system.submit(300, **seldom), system.submit(300, **seldom)
    running = system.until(job.id, lambda job: job.step > 0)
    assert running.worker is not None
    os.kill(running.worker.pid, signal.SIGTERM)
    done = system.ended(job.id, JobState.DONE)
    assert done.attempts == 2
    assert int(re.findall(r"Going on from the checkpoint at step (\d+)", system.home.log(job.id).read_text())[-1]) > 0
    finished_alike(system, done, system.ended(reference.id, JobState.DONE))


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(system: System, runner: Runner) -> None:
    reference, job = system.submit(300), system.submit(300)
    checkpoints = system.home.checkpoints(job.id)
    system.until(job.id, lambda job: len(list(checkpoints.glob("step-*"))) == 2)
    runner.close()
    system.kill(system.store.get(job.id))
    time.sleep(0.1)
    kept = sorted(checkpoints.glob("step-*"))
    damage(kept[-1] / "state.safetensors")
    runner.turn()
    again = Runner(system.store, runner._executor, ["", ""], timeouts=runner._timeouts)
    again.start()
    done = system.ended(job.id, JobState.DONE)
    assert done.attempts == 2
    finished_alike(system, done, system.ended(reference.id, JobState.DONE))
    again.close()
    assert f"checkpoint at step {int(kept[-2].name[5:])}." in system.home.log(job.id).read_text()


def damage(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
