"""Every problem of the form is shown at its field, and its link beside Start leads there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.planning.faults import recipe_problems
from app.studio import Studio
from app.ui.tune import form_values, problem_marks
from app.ui.tune.tune_form import TuneForm
from app.views.plan import Plan
from lamp.config import DataConfig, LampConfig, TrainConfig, TuneConfig

GOOD = TuneConfig("org/name", DataConfig(("text",), "label"))


@pytest.mark.parametrize(
    ("recipe", "key"),
    [
        (replace(GOOD, backbone=" "), "backbone"),
        (replace(GOOD, data=DataConfig((), "label")), "data.input_columns"),
        (replace(GOOD, data=DataConfig(("text",), "")), "data.target_column"),
        (replace(GOOD, data=DataConfig(("text",), "text")), "data.target_column"),
        (replace(GOOD, data=DataConfig(("text",), "label", validation_share=4)), "data.validation_share"),
        (replace(GOOD, lamp=LampConfig(rank=400)), "lamp.rank"),
        (replace(GOOD, lamp=LampConfig(prompt_length=50, rank=60)), "lamp.rank"),
        (replace(GOOD, lamp=LampConfig(pooling=7)), "lamp.pooling"),
        (replace(GOOD, lamp=LampConfig(initial="text")), "lamp.initial_text"),
        (replace(GOOD, lamp=LampConfig(initial="prompt")), "lamp.initial_prompt"),
        (replace(GOOD, train=TrainConfig(batch_size=0)), "train.batch_size"),
        (replace(GOOD, train=TrainConfig(warmup_share=4)), "train.warmup_share"),
    ],
)
def test_a_problem_belongs_to_the_field_that_mends_it(recipe: TuneConfig, key: str) -> None:
    assert list(recipe_problems(recipe).values()) == [key]
    assert recipe_problems(GOOD) == {}


def test_the_form_marks_every_field_with_a_problem_and_start_waits_for_them(studio: Studio) -> None:
    dataset = studio.datasets()[0].reference
    values = form_values.values_of(replace(GOOD, backbone="", data=studio.guess_columns(dataset)))
    values |= {"backbone.choice": "", "backbone.other": "", "dataset": dataset, "gpus": 1, "train.steps": "many"}
    values |= {"lamp.rank": "400"}
    shown = TuneForm(studio, list(values)).look(*values.values())
    for element in ("other-backbone", "field-train-steps", "field-lamp-rank"):
        assert f"#{element}::after" in shown.marks and f'<a href="#{element}" data-goto>' in shown.rail
    assert shown.rail.count("<li><a ") == 3 and shown.start.interactive is False
    assert [state_of(section, shown.marks) for section in ("data", "model", "training")] == ["✓", "!", "!"]


def test_two_problems_of_one_field_are_both_written_below_it() -> None:
    problems = {"First.": "data.input_columns", "Second.": "data.target_column"}
    marks = problem_marks.marks(Plan(tuple(problems), None, None, fields=problems))
    assert '#preview::after { content: "First. Second."; }' in marks
    assert state_of("data", marks) == "!"


def test_a_form_without_problems_has_no_marks_but_those_of_done_sections() -> None:
    marks = problem_marks.marks(Plan((), None, None))
    assert "::after" not in marks
    assert [state_of(section, marks) for section in ("data", "task", "model", "training")] == ["✓", "", "✓", "✓"]


def state_of(section: str, marks: str) -> str:
    """What stands before a section's name in the list of sections; "" for its number."""
    _, found, rest = marks.partition(f"[data-section={section}]::before {{ content: '")
    return rest[0] if found else ""


def test_a_sentence_cannot_end_the_style_sheet_that_shows_it() -> None:
    problem = 'no column "</style><script>" \\ \n } of yours'
    marks = problem_marks.marks(Plan((problem,), None, None, fields={problem: "dataset"}))
    style, end, island = marks.partition("</style>")
    assert end and style.count('"') == 2 and "\n" not in style and style.count("}") == 5
    assert "<script>" not in marks and island.count("'") == 2 and island.count('"') == 0
