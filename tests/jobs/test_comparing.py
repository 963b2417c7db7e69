"""A comparison of a run with other ways: worked on like a run, never lost, and never listed as one."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest

from app.jobs.comparing import comparison_config
from app.jobs.runner import Runner
from app.run import Run
from app.settings import Settings
from app.studio import Studio
from lamp.baselines.ways import WAYS, Request, WayResult, read_ways
from lamp.errors import ConfigError
from storage.errors import JobNotFound, WrongState
from storage.jobs import Job, JobState
from tests.jobs.conftest import System

pytestmark = pytest.mark.slow
TRAINING = "A plain prompt of as many tokens ..."
TOLD = "A written instruction: accuracy"


def studio_of(system: System) -> Studio:
    settings = Settings.from_environment({"STUDIO_HOME": str(system.home.root), "STUDIO_LOW_DISK_GB": "0"})
    return Studio(settings, system.store.database)


def ended_run(system: System) -> Job:
    return system.ended(system.submit(8).id, JobState.DONE)


def results(system: System, comparison: Job) -> tuple[WayResult, ...]:
    return read_ways(system.home.other_ways(str(comparison.parent)), str(comparison.config["made_for"]))


def trainings(system: System, job: Job) -> int:
    """How often the comparison's log says that it began to train a plain prompt."""
    log = system.home.log(job.id)
    return log.read_text().count(TRAINING) if log.exists() else 0


def long_comparison(system: System, run: Job) -> Job:
    """One whose plain prompt takes minutes to train, so that it can be ended meanwhile on any machine."""
    made_for = run.finished_at.isoformat() if run.finished_at else ""
    request = comparison_config(Run.of(run), Request(("instruction", "plain"), "positive or negative ?"), made_for)
    config = {**request, "steps": 50_000}
    return system.store.add("x", config, run.dataset, run.dataset_name, 2, parent=run.id, kind="comparison")


def killed_in_training(system: System, studio: Studio, run: Job) -> Job:
    """A comparison of every way whose worker was killed while a plain prompt was trained, and then started again."""
    for _ in range(20):
        id = studio.compare_ways(run.id)
        system.until(id, lambda job: trainings(system, job) > 0 or job.state.finished)
        system.kill(system.store.get(id))
        now = system.until(id, lambda job: job.attempts > 1 or job.state.finished)
        if now.attempts > 1:
            return now
    raise AssertionError("No comparison could be killed in time.")


def test_a_killed_comparison_keeps_what_is_finished_and_goes_on_with_the_rest(system: System, runner: Runner) -> None:
    studio, job = studio_of(system), ended_run(system)
    comparison = killed_in_training(system, studio, job)
    kept = [result for result in results(system, comparison) if result.comparison == comparison.id]
    assert [result.way for result in kept][:2] == ["instruction", "examples"]
    done = system.ended(comparison.id, JobState.DONE)
    assert (done.step, done.steps, done.artifact, done.attempts) == (5, 5, None, 2)
    found = results(system, comparison)
    assert [result.way for result in found] == list(WAYS)
    assert [result for result in found if result.way in {one.way for one in kept}] == kept, "to the second"
    assert not [result.problem for result in found if result.problem]
    assert system.home.log(comparison.id).read_text().count(TOLD) == 1
    worth = studio.worth(job.id)
    assert worth is not None and worth.sentence and len(worth.lines) == 7
    assert all(len(line.scores) == worth.rows for line in worth.lines)
    assert studio.worth_file(job.id).read_text("utf-8-sig").count("LoRA, rank 8") == 1
    assert [one.id for one in system.store.list()] == [job.id], "a comparison is no run"


def test_a_stopped_comparison_keeps_what_is_finished_and_goes_on_from_there(system: System, runner: Runner) -> None:
    studio, job = studio_of(system), ended_run(system)
    comparison = long_comparison(system, job)
    with pytest.raises(WrongState, match="being compared already"):
        studio.compare_ways(job.id)
    for times in (1, 2):
        system.until(comparison.id, lambda job: trainings(system, job) == times)  # noqa: B023  # called at once
        studio.stop_comparing(job.id)
        assert system.ended(comparison.id, JobState.STOPPED).step == 1
        (kept,) = results(system, comparison)
        assert (kept.way, kept.text) == ("instruction", "positive or negative ?\n\n")
        assert system.home.log(comparison.id).read_text().count(TOLD) == 1
        if times == 1:
            studio.resume_comparing(job.id)


def test_a_comparison_that_the_system_ends_goes_on_by_itself(system: System, runner: Runner) -> None:
    studio, job = studio_of(system), ended_run(system)
    comparison = long_comparison(system, job)
    running = system.until(comparison.id, lambda job: trainings(system, job) == 1)
    assert running.worker is not None
    os.kill(running.worker.pid, signal.SIGTERM)
    system.until(comparison.id, lambda job: trainings(system, job) == 2)
    studio.stop_comparing(job.id)
    assert system.ended(comparison.id, JobState.STOPPED).attempts == 2
    assert system.home.log(comparison.id).read_text().count(TOLD) == 1


def test_what_was_compared_with_another_prompt_of_the_run_is_not_shown(system: System, runner: Runner) -> None:
    studio, job = studio_of(system), ended_run(system)
    again = {**comparison_config(Run.of(job), Request(("instruction",), "good ?"), "yesterday"), "steps": 8}
    added = system.store.add("x", again, job.dataset, job.dataset_name, 1, parent=job.id, kind="comparison")
    system.ended(added.id, JobState.DONE)
    worth = studio.worth(job.id)
    assert worth is not None and not worth.any_tried and studio.comparison(job.id) is None


def test_a_comparison_is_purged_with_its_run_and_is_no_run_to_go_on_from(system: System, runner: Runner) -> None:
    studio, job = studio_of(system), ended_run(system)
    comparison = system.ended(studio.compare_ways(job.id, ["instruction"]), JobState.DONE)
    with pytest.raises(ConfigError, match="is no run"):
        studio.extend(comparison.id, 100)
    with pytest.raises(ConfigError, match="is no run"):
        studio.run_view(comparison.id)
    studio.delete(job.id)
    assert [one.id for one in system.store.expired(timedelta(0))] == [job.id]
    assert system.store.purge(job.id)
    with pytest.raises(JobNotFound):
        system.store.get(comparison.id)
