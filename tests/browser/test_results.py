"""The results of a run and the comparison of several, as people read and use them."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from lamp.inference.answers import RowAnswer, write_answers
from lamp.inference.confusion_matrix import ConfusionMatrix, write_confusion
from lamp.inference.inspection import InspectedDirection, InspectedToken, Inspection, MapPoint, write_inspection
from storage.artifacts import ArtifactStore
from storage.home import Home
from storage.jobs import Job, JobState
from tests.browser import pages
from tests.browser.studio import RunningStudio, recipe

LABELS = ("billing", "returns")


_WATCH_MOVES = """window.moved = []
new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
    moved.push([entry.value, entry.sources.map((one) => one.node?.id || one.node?.className || '')])
})).observe({type: 'layout-shift', buffered: true})"""


def add_tested(studio: RunningStudio, backbone: Path, name: str, right: int) -> Job:
    """An ended run whose prompt is right on the first `right` of 40 rows."""
    store, home = studio.store, Home(studio.home)
    config = recipe(str(backbone), 60).to_dict()
    job = store.add(name, config, "sample:support-tickets.csv", "support-tickets.csv", 60, gpus=99)
    claimed = store.claim("another-machine", range(200))
    assert claimed is not None and claimed.id == job.id
    values = [(step, "loss", 2.0 - step / 40) for step in range(1, 61)]
    values += [(step, "validation/accuracy", 0.2 + step / 100) for step in (0, 20, 40, 60)]
    for metric in ("validation/loss", "learning_rate", "gradient_norm", "rows_per_second"):
        values += [(step, metric, 1.0 + step / 100) for step in range(1, 61)]
    store.heartbeat(job.id, 60, "Training", values)
    answers = []
    for row in range(40):
        expected, other = LABELS[row % 2], LABELS[1 - row % 2]
        answer = expected if row < right else other
        text = f"=ticket {row}: " + "the parcel never came, " * (20 if row == 39 else 1)
        answers.append(
            RowAnswer(row, text, expected, answer, float(row < right), 0.5 + row / 100, "billing", float(row % 2 == 0))
        )
    home.answers(job.id).parent.mkdir(exist_ok=True)
    write_answers(answers, home.answers(job.id))
    counts = tuple(
        tuple(sum(one.expected == label and one.answer == given for one in answers) for given in LABELS)
        for label in LABELS
    )
    with ArtifactStore(home.artifacts).stage(job.id) as staged:
        write_confusion(ConfusionMatrix(LABELS, counts), staged)
        (staged / "adapter_config.json").write_text('{"task_type": "CAUSAL_LM"}')
        (staged / "lamp_config.json").write_text(json.dumps({"labels": LABELS, "hidden_size": 32}))
    token = InspectedToken((("house", 0.4),), ((" parcel", 0.31), ("\x00", 0.2)), 12.5)
    points = tuple(MapPoint(number / 3, number / 2, kind, "parcel") for number, kind in enumerate(("after", "word")))
    seen = Inspection((token,) * 4, (InspectedDirection(0.9, ((" box", -0.2),)),) * 3, points, 0.5)
    write_inspection(seen, home.inspection(job.id))
    scores = {"accuracy": right / 40, "untrained_accuracy": 0.5, "test_rows": 40.0}
    assert store.finish(job.id, JobState.DONE, scores=scores, artifact=job.id, step=60)
    store.release(job.id)
    return store.get(job.id)


@pytest.fixture(scope="module")
def tested(studio: RunningStudio, tiny_llama: Path) -> Job:
    return add_tested(studio, tiny_llama, "a tested one", 34)


def test_an_ended_run_opens_with_its_verdict_and_its_wrong_rows_first(page: Page, tested: Job) -> None:
    pages.open_run(page, tested.id)
    expect(page.locator("#run-verdict")).to_contain_text("Right on 34 of 40 rows that it never saw (71 to 93 %)")
    expect(page.locator("#run-scores")).to_contain_text("Scores on 40 test rows")
    page.get_by_text("Why is my score low?").click()
    expect(page.get_by_text("Look at the wrong rows first")).to_be_visible()
    rows = page.locator("#results li")
    expect(rows).to_have_count(25)
    expect(rows.first).to_contain_text("Row 40")
    expect(rows.first).to_contain_text("Expected returns")
    expect(rows.first).to_contain_text("billing 89 % sure")
    page.get_by_role("button", name="Show more").locator("visible=true").click()
    expect(rows).to_have_count(40)


def test_an_ended_run_and_the_form_are_filled_in_without_moving_what_is_read(page: Page, tested: Job) -> None:
    page.add_init_script(_WATCH_MOVES)
    pages.open_run(page, tested.id)
    expect(page.locator("#results li")).to_have_count(25)
    assert_still(page, 0.02)
    page.goto("/")
    expect(page.locator("#rail")).to_contain_text("451 rows")
    assert_still(page, 0.05)
    page.evaluate("scrollTo(0, 1200)")
    expect(page.locator("#start")).to_be_in_viewport()  # it stays in sight


def assert_still(page: Page, most: float) -> None:
    """Nothing has moved on the page since it was opened, as browsers count it."""
    moved = page.evaluate("moved")
    assert sum(value for value, _ in moved) < most, moved


def test_a_long_input_is_folded_and_unfolds(page: Page, tested: Job) -> None:
    pages.open_run(page, tested.id)
    first = page.locator("#results li").first
    expect(first.locator("summary")).to_contain_text("Show all 4")
    first.locator("summary").click()
    expect(first.locator("details")).to_have_attribute("open", "")


def test_a_number_of_the_confusion_matrix_shows_its_rows(page: Page, tested: Job) -> None:
    pages.open_run(page, tested.id)
    page.get_by_role("button", name="3 of billing answered with returns").click()
    expect(page.locator("#results li")).to_have_count(3)
    expect(page.locator("#results-expected input")).to_have_value("billing")
    page.get_by_label("Right", exact=True).check()
    expect(page.locator("#results")).to_contain_text("No such row")


def test_the_rows_are_taken_home_as_csv_without_formulas(page: Page, tested: Job) -> None:
    pages.open_run(page, tested.id)
    expect(page.locator("#results li").first).to_be_visible()
    with page.expect_download() as download:
        page.locator("#results-csv").click()
    assert download.value.suggested_filename == "a-tested-one-results.csv"
    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == 40 and all(row["input"].startswith("'=ticket") for row in rows)


def test_two_runs_are_compared_on_the_rows_that_both_answered(
    page: Page, studio: RunningStudio, tiny_llama: Path, tested: Job
) -> None:
    poor = add_tested(studio, tiny_llama, "a poor one", 20)
    pages.open_run(page, poor.id)
    page.get_by_role("link", name="Compare", exact=True).last.click()
    expect(page.locator("#compare-said")).to_contain_text("Choose two runs or more")
    box = page.locator("#compared-runs input")
    box.fill("a tested")
    page.get_by_role("option", name="a tested one").click()
    expect(page.locator("#compare-said")).to_contain_text("B, a tested one, has the best score.")
    expect(page.locator("#compare-said")).to_contain_text("B is better by 35.0 points")
    expect(page.locator("#compare-scores tbody tr").locator("visible=true")).to_have_count(2)
    expect(page.locator("#compare-settings-title")).to_contain_text("All are the same.")
    expect(page.locator("#compare-settings table")).not_to_be_visible()
    page.get_by_label("Only settings that differ").uncheck()
    expect(page.locator("#compare-settings").get_by_role("row", name="Rank 4 4")).to_be_visible()
    page.add_init_script(_WATCH_MOVES)
    page.reload()
    expect(page.locator("#compare-said")).to_contain_text("B, a tested one, has the best score.")
    expect(page.locator(".ls-plot .mark-line path").last).to_have_attribute("d", re.compile("^M.*L"))
    assert_still(page, 0.05)
    page.goto("/compare?runs=0123456789,nothing")
    expect(page.locator("#compare-said")).to_contain_text("Choose two runs or more")


def test_further_curves_are_drawn_when_they_are_opened(page: Page, tested: Job) -> None:
    pages.open_run(page, tested.id, "Training")
    page.locator("#more-curves").get_by_text("More curves").click()
    plots = page.locator("#more-curves .vega-embed")
    expect(plots).to_have_count(5)
    expect(plots.first.locator(".mark-line path").first).to_have_attribute("d", re.compile("^M.*L"))


def test_a_prompt_is_laid_open(page: Page, tested: Job) -> None:
    pages.open_run(page, tested.id, "Inspect")
    tokens = page.locator("#inspected-tokens tbody tr")
    expect(tokens).to_have_count(4)
    expect(tokens.first).to_contain_text("house")
    expect(tokens.first).to_contain_text("parcel 31 %")
    expect(tokens.first).to_contain_text("12.5 ×")
    expect(page.locator("#inspected-directions")).to_contain_text("90 %")
    expect(page.locator("#run-tabs .vega-embed").locator("visible=true")).to_have_count(1)
