"""How much time a run still takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.views.estimates import seconds_left
from lamp.config import TrainConfig
from lamp.training.halving import Work, plan_of, work_left
from storage.records import Job
from storage.states import JobState
from tests.unit.test_views import a_job

TRAIN = TrainConfig(steps=300, batch_size=8, accumulation=2, learning_rate=0.04)


def test_time_left_follows_the_median_speed_and_counts_accumulated_rows() -> None:
    speed = [(step, 16.0) for step in range(1, 20)] + [(20, 0.01)]
    assert seconds_left(a_job(step=100, steps=300), TRAIN, speed, 0.0) == pytest.approx(200 * 16 / 16)


def test_time_left_counts_the_scorings_that_are_still_to_come() -> None:
    speed = [(step, 16.0) for step in range(1, 20)]
    train = TrainConfig(steps=310, batch_size=16, evaluate_every=50, learning_rate=0.04)
    left = seconds_left(a_job(step=120, steps=310), train, speed, 7.0)
    assert left == pytest.approx(190 + 5 * 7.0)  # 150, 200, 250, 300 and 310


def test_time_left_counts_every_prompt_that_a_search_for_the_rate_still_trains() -> None:
    speed = [(step, 16.0) for step in range(1, 20)]
    train = TrainConfig(steps=200, batch_size=16, evaluate_every=50)
    first, second, third = (rung.step for rung in plan_of(train)[1])
    left = seconds_left(a_job(step=second, steps=200), train, speed, 0.0)
    assert left == pytest.approx(2 * (third - second) + 200 - third)
    whole = work_left(train)
    assert whole.steps == 5 * first + 3 * (second - first) + 2 * (third - second) + 200 - third
    assert whole.scorings == 5 + 3 + 2 + 4  # at the rungs, and after 50, 100, 150 and 200 steps
    assert work_left(replace(train, learning_rate=0.04)) == Work(200, 4)


def test_a_run_that_is_trained_on_has_no_further_search_before_it() -> None:
    train = TrainConfig(steps=1000, batch_size=16, evaluate_every=50)
    assert plan_of(train)[1][-1].step > 200, "the rungs of a search of so many steps"
    assert work_left(train, 200, competing=1) == Work(800, 16)
    speed = [(step, 16.0) for step in range(190, 201)]
    assert seconds_left(a_job(step=200, steps=1000), train, speed, 0.0, competing=1) == pytest.approx(800)


def test_time_left_counts_only_the_prompts_that_have_not_diverged() -> None:
    train = TrainConfig(steps=200, batch_size=16, evaluate_every=50)
    first, second, third = (rung.step for rung in plan_of(train)[1])
    steps = 4 * (first - 5) + 3 * (second - first) + 2 * (third - second) + 200 - third
    assert work_left(train, 5, competing=4) == Work(steps, 4 + 3 + 2 + 4)
    assert work_left(train, second, competing=2) == work_left(train, second)


def test_each_of_several_gpus_reads_a_batch_of_its_own() -> None:
    speed = [(step, 32.0) for step in range(1, 20)]  # of two GPUs together
    assert seconds_left(a_job(gpus=2), TRAIN, speed, 0.0) == pytest.approx(200 * 16 / 16)


@pytest.mark.parametrize(
    "job",
    [
        a_job(JobState.QUEUED),
        a_job(JobState.STOPPING),
        a_job(JobState.DONE),
        a_job(step=300),
    ],
    ids=["queued", "stopping", "done", "at the last step"],
)
def test_no_time_is_left_to_tell_when_nothing_trains(job: Job) -> None:
    assert seconds_left(job, TRAIN, [(1, 5.0), (2, 5.0), (3, 5.0)], 0.0) is None


def test_the_first_steps_tell_no_time() -> None:
    assert seconds_left(a_job(), TRAIN, [(1, 0.1), (2, 0.1)], 0.0) is None
