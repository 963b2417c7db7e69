"""Runs in words."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.views import curves, formatting, run_json, score_text, status
from app.views.estimates import Place
from app.views.local_time import local_log, zone_of
from app.views.score_text import RunScores, ScoreComparison
from storage.records import Job
from storage.states import JobState

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def a_job(state: JobState = JobState.RUNNING, **changes: Any) -> Job:
    job = Job(
        id="abc",
        number=1,
        name="a run",
        kind="run",
        state=state,
        config={"train": {"batch_size": 8, "accumulation": 2}},
        backbone="",
        dataset="sample:x.csv",
        dataset_name="x.csv",
        step=100,
        steps=300,
        phase="Training",
        error=None,
        scores={},
        artifact=None,
        created_at=NOW - timedelta(minutes=5),
        started_at=NOW - timedelta(minutes=4),
        finished_at=None,
        heartbeat_at=NOW,
        owner="",
        priority=0,
        tags=(),
        note="",
        parent=None,
        attempts=1,
        resumes=0,
        ticket=1,
        gpus=1,
        slots=(0,),
        host="here",
        worker=None,
        beats=1,
        stop_heard=False,
        deleted_at=None,
    )
    return replace(job, **changes)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0 s"),
        (45, "45 s"),
        (59.7, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3900, "1 h 05 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert formatting.duration(seconds) == text


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(hours=30), "yesterday"),
        (timedelta(days=5), "5 days ago"),
        (timedelta(days=40), "22 Mar 2026"),
        (timedelta(seconds=-30), "just now"),
    ],
)
def test_ages_are_told_as_people_tell_them(ago: timedelta, text: str) -> None:
    assert formatting.age(NOW - ago, NOW) == text


def test_every_state_has_a_word_and_a_tone() -> None:
    words = {status.state_words(state)[0] for state in JobState}
    assert len(words) == len(JobState)


@pytest.mark.parametrize(
    ("job", "options", "sentence", "time"),
    [
        (a_job(), {"seconds": 125.0}, "Step 100 of 300 · Training", "about 2 min left"),
        (a_job(), {"seconds": 20.0}, "Step 100 of 300 · Training", "less than a minute left"),
        (a_job(step=0, phase="Loading the backbone"), {}, "Loading the backbone", ""),
        (a_job(JobState.QUEUED), {"place": Place(1, None)}, "It is next in the queue.", ""),
        (
            a_job(JobState.QUEUED, gpus=4),
            {"place": Place(2, None, fits=False)},
            "It is number 2 in the queue, and asks for 4 GPUs, more than this studio has: it waits for another one.",
            "",
        ),
        (
            a_job(JobState.QUEUED),
            {"place": Place(3, timedelta(minutes=10))},
            "It is number 3 in the queue.",
            "starts in about 10 min",
        ),
        (a_job(JobState.DONE, step=300, finished_at=NOW), {}, "Trained for 300 steps.", "took 4 min 00 s"),
        (
            a_job(JobState.DONE, finished_at=NOW),
            {},
            "Trained for 100 steps. The score had stopped improving.",
            "took 4 min 00 s",
        ),
        (a_job(JobState.FAILED, finished_at=NOW), {}, "It ended at step 100 of 300.", "after 4 min 00 s"),
        (a_job(JobState.STOPPED, started_at=None), {}, "Step 100 of 300.", ""),
    ],
)
def test_the_head_of_a_page_says_where_the_run_stands(
    job: Job, options: dict[str, Any], sentence: str, time: str
) -> None:
    described = status.describe_status(job, NOW, **options)
    assert (described.sentence, described.time) == (sentence, time)


def test_a_run_that_ended_early_but_done_is_wholly_done() -> None:
    assert status.describe_status(a_job(JobState.DONE, finished_at=NOW), NOW).share == 1.0
    assert status.describe_status(a_job(JobState.STOPPED), NOW).share == pytest.approx(1 / 3)


def test_only_a_run_without_a_first_step_moves_without_a_share() -> None:
    assert status.describe_status(a_job(step=0), NOW).moving
    assert not status.describe_status(a_job(), NOW).moving


def test_scores_stand_beside_the_untrained_ones() -> None:
    stored = {"loss": 0.4, "untrained_loss": 1.0, "accuracy": 0.875, "untrained_accuracy": 0.5, "novel": 2.0}
    accuracy, loss, novel = score_text.compare_scores(RunScores.of(stored))
    assert accuracy == ScoreComparison("Accuracy", "87.5 %", "50.0 %", "+37.5 points", better=True)
    assert (loss.label, loss.gain, loss.better) == ("Loss", "−0.6", True)
    assert (novel.label, novel.untrained, novel.gain) == ("Novel", "", "")


def test_stored_scores_are_split_into_the_prompts_and_the_untrained_backbones() -> None:
    scores = RunScores.of({"loss": 0.4, "untrained_loss": 1.0, "accuracy": 0.9})
    assert scores == RunScores(tuned={"loss": 0.4, "accuracy": 0.9}, untrained={"loss": 1.0})


def test_a_worse_score_is_not_called_better() -> None:
    assert not score_text.compare_score("accuracy", 0.4, 0.5).better
    assert not score_text.compare_score("loss", 2.0, 1.0).better
    assert score_text.compare_score("accuracy", 0.5, 0.5).better


def test_the_main_metric_is_accuracy_and_else_the_loss() -> None:
    assert score_text.main_metric(["loss", "accuracy"]) == "accuracy"
    assert score_text.main_metric(["loss", "perplexity"]) == "loss"
    assert score_text.main_metric([]) is None


def test_the_best_point_is_high_for_accuracy_low_for_loss_and_never_the_untrained_one() -> None:
    points = [(0, 0.99), (50, 0.7), (100, 0.8), (150, 0.75)]
    assert curves.best_point(points, "accuracy") == (100, 0.8)
    assert curves.best_point(points, "loss") == (50, 0.7)
    assert curves.best_point([(0, 0.5)], "accuracy") is None
    assert curves.best_point([(50, 0.8), (100, 0.8)], "accuracy") == (50, 0.8)


def test_smoothing_keeps_a_level_line_and_calms_a_wild_one() -> None:
    assert [value for _, value in curves.smoothed([(step, 2.0) for step in range(50)])] == pytest.approx([2.0] * 50)
    wild = curves.smoothed([(step, float(step % 2)) for step in range(400)])
    assert max(value for _, value in wild[100:]) - min(value for _, value in wild[100:]) < 0.1
    assert [step for step, _ in wild] == list(range(400))


def test_smoothing_does_not_lag_behind_a_loss_that_falls() -> None:
    falling = [(step, 3.0 - step / 100) for step in range(200)]
    assert [value for _, value in curves.smoothed(falling)] == pytest.approx([value for _, value in falling])


def test_smoothing_leaves_a_curve_of_two_points_as_it_is_and_none_without_points() -> None:
    assert curves.smoothed([(1, 2.0), (2, 1.0)]) == [(1, 2.0), (2, 1.0)]
    assert curves.smoothed([]) == []


def test_smoothing_leaves_no_room_for_values_that_never_were() -> None:
    sudden = [(step, 3.0 if step < 2 else 0.0) for step in range(30)]
    assert all(0 <= value <= 3 for _, value in curves.smoothed(sudden))


def test_the_first_losses_are_on_the_axis_however_fast_they_fall() -> None:
    points = [(step, 12.0 / (1 + step) ** 2) for step in range(200)]
    _, high = curves.span(points) or (0, 0)
    assert high > 12
    _, high = curves.span([(step, 1.0) for step in range(200)] + [(200, 2.5)]) or (0, 0)
    assert high > 2.5, "a value that is only a little higher is not left out"


def test_a_few_wild_values_do_not_flatten_the_axis() -> None:
    points = [(step, 1.0) for step in range(200)] + [(200, 1e6)]
    low, high = curves.span(points) or (0, 0)
    assert low == 0 and 1 < high < 2
    assert curves.span([]) is None


def test_probabilities_begin_with_the_likeliest() -> None:
    labels = score_text.likeliest_labels({"a": 0.2, "b": 0.8}, {"a": 0.6, "b": 0.4})
    assert labels == [("b", 0.8, 0.4), ("a", 0.2, 0.6)]


def test_lines_of_a_log_have_the_time_of_the_zone_and_the_day_where_it_is_another() -> None:
    now = NOW.astimezone(zone_of("Europe/Vienna"))
    log = "2026-05-01T09:00:00Z today\n2026-04-30T21:59:59Z the day before\n12:00:09 as it was logged once\n"
    assert local_log(log, now) == "11:00:00 today\n30 Apr 23:59:59 the day before\n12:00:09 as it was logged once\n"


def test_a_time_of_before_the_clocks_were_changed_is_the_one_that_they_showed() -> None:
    now = datetime(2026, 3, 29, 12, tzinfo=UTC).astimezone(zone_of("Europe/Vienna"))
    assert (
        local_log("2026-03-29T00:30:00Z before\n2026-03-29T01:30:00Z after\n", now)
        == "01:30:00 before\n03:30:00 after\n"
    )


@pytest.mark.parametrize("name", ["", None, "east", "America", "../UTC", "/etc/passwd", "a\0b", "a" * 5000, -120])
def test_a_time_zone_that_is_not_known_is_utc(name: object) -> None:
    assert NOW.astimezone(zone_of(name)).utcoffset() == timedelta(0)


def test_time_zones_are_known_on_a_machine_that_has_no_database_of_them() -> None:
    command = "from app.views.local_time import zone_of; print(zone_of('Asia/Kolkata'))"
    run = subprocess.run(
        [sys.executable, "-c", command], env={**os.environ, "PYTHONTZPATH": ""}, capture_output=True, text=True
    )
    assert run.stdout == "Asia/Kolkata\n", run.stderr


def test_a_script_reads_times_as_text_and_states_as_words() -> None:
    values = run_json.run_as_dict(a_job(), {"loss": 0.5})
    assert (values["state"], values["step"], values["metrics"]) == ("running", 100, {"loss": 0.5})
    assert values["created_at"] == "2026-05-01T11:55:00+00:00" and values["finished_at"] is None


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (812, "812 bytes"),
        (9_240, "9.2 kB"),
        (1_250_000, "1.2 MB"),
        (40e9, "40.0 GB"),
    ],
)
def test_sizes_are_rounded(size: int, text: str) -> None:
    assert formatting.bytes_text(size) == text


@pytest.mark.parametrize(("number", "text"), [(1, "1 row"), (1200, "1,200 rows")])
def test_one_row_is_not_rows(number: int, text: str) -> None:
    assert formatting.rows(number) == text


@pytest.mark.parametrize(("number", "text"), [(5416, "5,416"), (134_515_008, "134.5 M"), (1.24e9, "1.24 B")])
def test_large_counts_are_rounded(number: float, text: str) -> None:
    assert formatting.count(number) == text
