"""Runs side by side: which is better and whether that is more than chance, and in which settings they differ."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.run import Run
from app.studio import Studio
from app.ui.compare import compare_html
from app.views.comparison import ComparedRun, best, compared_settings, differences, ranking
from app.views.recipe_settings import changes
from app.views.results import Results
from lamp.config import DataConfig, LampConfig, TuneConfig
from lamp.inference.answers import RowAnswer, write_answers
from storage.database import open_database
from storage.home import Home
from storage.jobs import JobState, JobStore
from storage.records import Job

RECIPE = TuneConfig("acme/tiny", DataConfig(("text",), "label"))


@pytest.fixture
def store(studio: Studio) -> JobStore:
    return JobStore(open_database(studio.settings.database_url))


@pytest.fixture
def job(store: JobStore) -> Job:
    return store.add("a run", RECIPE.to_dict(), "sample:x.csv", "x.csv", 60)


def answers(right: range, rows: int = 100, first: int = 0) -> tuple[RowAnswer, ...]:
    return tuple(
        RowAnswer(first + row, f"row {row}", "a", "", float(row in right), 0.9, "", 0.0) for row in range(rows)
    )


def compared(job: Job, scored: tuple[RowAnswer, ...], tested: bool = True, **data: Any) -> ComparedRun:
    scores = {"accuracy": 0.5, "test_rows" if tested else "validation_rows": float(len(scored))}
    config = replace(RECIPE, data=replace(RECIPE.data, **data))
    return ComparedRun(Run(replace(job, scores=scores), config), Results(scored), (), ())


def test_a_clear_lead_on_the_same_rows_is_more_than_chance(job: Job) -> None:
    runs = [compared(job, answers(range(60))), compared(job, answers(range(80)))]
    (said,) = differences(runs)
    assert ranking(runs) == [1, 0] and best(runs) == 1
    assert said.startswith("On the 100 rows that B and A were both tested on, B is better by 20.0 points (+1")
    assert said.endswith("more than chance.")


def test_a_lead_of_few_rows_may_be_chance(job: Job) -> None:
    (said,) = differences([compared(job, answers(range(20, 72))), compared(job, answers(range(50)))])
    assert "A leads B by 2.0 points" in said and said.endswith("it may be chance.")


def test_the_same_answers_are_equally_good(job: Job) -> None:
    (said,) = differences([compared(job, answers(range(50))), compared(job, answers(range(50)))])
    assert "both are equally good" in said


def test_runs_on_a_part_of_the_same_rows_are_compared_on_that_part(job: Job) -> None:
    one, two = compared(job, answers(range(60))), compared(job, answers(range(100), first=40))
    (said,) = differences([one, two])
    assert said.startswith("On the 60 rows that B and A were both tested on, B is better by 66.7 points")


@pytest.mark.parametrize(
    "other",
    [{"first": 95}, {"tested": False}, {"test_data": "upload:else"}, {"target_column": "topic"}, {"texts": True}],
    ids=["few common rows", "rows that chose the prompt", "another data set", "another target", "another score"],
)
def test_runs_that_were_not_tested_on_the_same_rows_are_not_compared(job: Job, other: dict[str, Any]) -> None:
    scored = answers(range(90), first=other.pop("first", 0))
    if other.pop("texts", False):
        scored = tuple(replace(answer, confidence=None) for answer in scored)
    runs = [compared(job, answers(range(50))), compared(job, scored, **other)]
    (said,) = differences(runs)
    assert best(runs) is None and "not tested on the same rows" in said
    html = compare_html.verdicts(runs)
    assert "There is no telling which one is better." in html and "best score" not in html
    assert "ls-chosen" not in compare_html.scores(runs, "accuracy"), "nor is one of them marked as the best"


def test_all_settings_stand_side_by_side_in_groups_and_those_that_differ_are_marked(job: Job) -> None:
    other = replace(RECIPE, lamp=LampConfig(rank=4), data=replace(RECIPE.data, input_columns=("text", "title")))
    runs = [replace(job, config=config.to_dict()) for config in (RECIPE, other, RECIPE)]
    settings = compared_settings([Run.of(run) for run in runs])
    assert [(one.group, one.name, one.values) for one in settings if one.differs] == [
        ("Data", "Input columns", ("text", "text, title", "text")),
        ("Prompt", "Rank", ("8", "4", "8")),
    ]
    assert len(settings) > 30 and list(dict.fromkeys(one.group for one in settings)) == [
        "Model",
        "Data",
        "Prompt",
        "Training",
    ]
    assert "2 differ, " in compare_html.settings_title(settings)
    html = compare_html.settings(settings, 3)
    assert '<td class="ls-other"><div>text, title</div>' in html and html.count('<td class="ls-other">') == 2
    assert html.count('<tr class="ls-same">') == len(settings) - 2
    assert html.count('<tbody class="ls-same">') == 2, "groups in which nothing differs: the model and the training"


def test_a_recipe_of_an_earlier_version_is_compared_as_it_is_read_now(job: Job) -> None:
    old = RECIPE.to_dict()
    del old["data"]["test_share"], old["train"]["seed"]
    now = replace(job, config=RECIPE.to_dict())
    assert changes(now, replace(job, config=old)) == [("Test share", "0", "0.1")], "its rows had no part for the test"
    assert changes(now, replace(job, config={"data": "damaged"}))[0] == ("Input columns", "–", "text")


def test_the_studio_compares_by_the_metric_that_all_runs_have(studio: Studio, store: JobStore) -> None:
    ids = []
    for name, scores in (("labels", {"accuracy": 0.9, "loss": 0.3}), ("texts", {"rouge_l": 0.4, "loss": 2.0})):
        run = store.add(f"of <{name}>", RECIPE.to_dict(), "sample:x.csv", "x.csv", 60).id
        store.claim("here", [0])
        store.heartbeat(run, 60, "Training", [(step, "loss", 2.0 - step / 100) for step in range(1, 61)])
        store.finish(run, JobState.DONE, scores={**scores, "test_rows": 20.0}, artifact=run, step=60)
        store.release(run)
        ids.append(run)
    file = Home(studio.settings.home).answers(ids[0])
    file.parent.mkdir(parents=True)
    write_answers(answers(range(15), rows=20), file)
    assert studio.compare(ids[:1])[1] == "accuracy"
    runs, metric = studio.compare(ids)
    assert metric == "loss" and len(runs[0].loss) == 60 and runs[0].results and runs[1].results is None
    html = compare_html.scores(runs, metric)
    assert "of &lt;labels&gt;" in html and "20 test rows" in html
    assert "All are the same." in compare_html.settings_title(compared_settings([one.run for one in runs]))


def test_runs_that_go_on_are_compared_by_the_score_of_their_curves(studio: Studio, store: JobStore) -> None:
    ids = [store.add(name, RECIPE.to_dict(), "sample:x.csv", "x.csv", 60).id for name in ("one", "two", "waiting")]
    for number, run in enumerate(ids[:2]):
        assert store.claim("here", [number]) is not None
        values = [(20, "loss", 1.0), (20, "validation/loss", 1.1), (20, "validation/accuracy", 0.5)]
        store.heartbeat(run, 20, "Training", values)
    runs, metric = studio.compare(ids)
    assert metric == "accuracy" and [one.validation for one in runs] == [[(20, 0.5)], [(20, 0.5)], []]
    store.finish(ids[0], JobState.DONE, scores={"loss": 1.0})
    assert studio.compare(ids)[1] == "loss", "which both have"
    assert studio.compare(ids[2:])[1] is None


def test_results_of_a_run_are_a_file_for_a_spreadsheet(studio: Studio, store: JobStore) -> None:
    run = store.add("Zürich, 2", RECIPE.to_dict(), "sample:x.csv", "x.csv", 60).id
    file = Home(studio.settings.home).answers(run)
    file.parent.mkdir(parents=True)
    write_answers(answers(range(15), rows=20), file)
    table: Path = studio.results_file(run)
    assert table.name == "Zürich-2-results.csv" and table.read_bytes().startswith(b"\xef\xbb\xbfrow,input")
    assert len(table.read_text(encoding="utf-8-sig").splitlines()) == 21
    made = table.stat().st_mtime_ns
    assert studio.results_file(run) == table and table.stat().st_mtime_ns == made, "it is made once"
    write_answers(answers(range(15), rows=30), file)  # as after a resume
    assert len(studio.results_file(run).read_text(encoding="utf-8-sig").splitlines()) == 31
