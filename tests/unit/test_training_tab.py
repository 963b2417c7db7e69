"""What the Training tab shows beside the curves: samples of each score, and the log."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.studio import Studio
from app.ui.runs import plots, training_html, training_tab
from app.views import curves
from app.views.run_view import Choices
from app.views.score_samples import add_samples, read_samples
from lamp.config import DataConfig, TuneConfig
from lamp.data.conversation import to_cell
from lamp.data.splits import Example
from lamp.training.log_text import sample_line, samples_of
from lamp.training.reporter import Sample
from storage.database import open_database
from storage.home import Home
from storage.jobs import Job, JobStore
from storage.logs import rotated


@pytest.fixture
def job(studio: Studio) -> Job:
    store = JobStore(open_database(studio.settings.database_url))
    recipe = TuneConfig("acme/tiny", DataConfig(("text",), "label"))
    made = store.add("my run", recipe.to_dict(), "sample:x.csv", "x.csv", 60)
    log = Home(studio.settings.home).log(made.id)
    log.parent.mkdir(parents=True)
    rotated(log).write_text("2026-05-01T10:00:00Z Step 5: accuracy 0.5\n")
    log.write_text("2026-05-01T11:00:00Z Step 10: accuracy 0.7\n2026-05-01T12:00:00Z Writing the prompt\n")
    return made


def test_samples_of_each_score_are_kept_and_a_repeated_score_takes_the_place_of_the_first(tmp_path: Path) -> None:
    file = tmp_path / "answers" / "run.samples.jsonl"
    assert read_samples(file) == ()
    for step, answer in ((0, "bad"), (5, "bad"), (10, "x" * 400), (5, "good")):
        add_samples(file, step, [Sample(3, "the film", "good", answer)])
    file.write_text(file.read_text() + '{"step": 15, "rows": [{"row"\n')
    scores = read_samples(file)
    assert [(score.step, len(score.rows[0].answer)) for score in scores] == [(0, 3), (5, 4), (10, 300)]
    assert scores[1].rows == (Sample(3, "the film", "good", "good"),)


def test_samples_are_a_table_with_the_newest_answers_on_top(tmp_path: Path) -> None:
    file = tmp_path / "run.samples.jsonl"
    for step, answer in ((0, "<b>"), (5, "good")):
        add_samples(file, step, [Sample(3, "the film", "good", answer)])
    html = training_html.samples(read_samples(file))
    assert html.index("<th scope=row>5</th>") < html.index("<th scope=row>Untrained</th>")
    assert '<td class="ls-better"><div>good</div></td>' in html and '<td class=""><div>&lt;b&gt;</div></td>' in html
    assert training_html.samples(()) == ""


def test_a_conversation_in_a_sample_is_lines_with_their_roles() -> None:
    cell = to_cell([("user", "Hi"), ("assistant", "Hello"), ("user", "How was it?")])
    (sample,) = samples_of([Example(cell, "good", "")], ["bad"])
    assert sample.input == "user:\nHi\nassistant:\nHello\nuser:\nHow was it?"
    assert "user: Hi assistant: Hello user: How was it? → 'bad'" in sample_line(sample)


def test_the_whole_log_can_be_searched_and_taken_home(studio: Studio, job: Job) -> None:
    assert [line[20:] for line in studio.search_log(job.id, "ACCURACY step").split("\n")] == [
        " Step 5: accuracy 0.5",
        " Step 10: accuracy 0.7",
    ]
    assert studio.search_log(job.id, "accuracy prompt") == ""
    assert "No line of the log" in training_html.log("", "accuracy prompt")
    file = studio.log_file(job.id)
    assert file.name == "my-run-log.txt"
    assert [line.split("Z ")[1] for line in file.read_text().splitlines()] == [
        "Step 5: accuracy 0.5",
        "Step 10: accuracy 0.7",
        "Writing the prompt",
    ]


def test_the_loss_is_drawn_as_the_boxes_say() -> None:
    points = [(step, 10.0 / step) for step in range(1, 50)]
    assert training_tab.choices_of([], " a ") == Choices(False, "a")
    plot = plots.loss_plot(points, 60, smoothed=False)
    assert set(plot["value"]["Line"]) == {"Each step"}
    assert set(plots.loss_plot(points, 60)["value"]["Line"]) == {"Each step", "Smoothed"}


def test_a_long_curve_is_drawn_with_few_points_and_all_its_peaks() -> None:
    points = [(step, 1.0 + step % 7) for step in range(1, 2001)]
    points[1234] = (1235, 99.0)
    drawn = plots.loss_plot(points, 2000, smoothed=False)["value"]
    assert len(drawn) <= 150 and list(drawn["Step"]) == sorted(drawn["Step"])
    assert (drawn["Step"].iloc[0], drawn["Step"].iloc[-1]) == (1, 2000)
    assert (drawn["Value"].min(), drawn["Value"].max()) == (1.0, 99.0)
    assert curves.thinned(points[:150], 150) == points[:150]


def test_a_value_that_was_not_told_again_is_drawn_to_the_end() -> None:
    assert curves.held([(1, 5.0), (3, 7.0)], 9) == [(1, 5.0), (3, 7.0), (9, 7.0)]
    assert curves.held([(9, 7.0)], 9) == [(9, 7.0)] and curves.held([], 9) == []
