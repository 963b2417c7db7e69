"""Form values to a recipe and back."""

from __future__ import annotations

import math
from typing import Any

import pytest

from app.studio import Studio
from app.ui.tune import form_values, recipe_fields
from app.ui.tune.tune_form import TuneForm
from app.views import formatting
from lamp.config import DataConfig, InitialPrompt, LampConfig, TrainConfig, TuneConfig


@pytest.fixture
def values() -> dict[str, Any]:
    """A form that can be started."""
    return form_values.values_of(
        TuneConfig(backbone="org/name", data=DataConfig(input_columns=("text",), target_column="label"))
    )


def test_a_recipe_comes_back_from_the_form_that_it_filled() -> None:
    recipe = TuneConfig(
        backbone="org/name",
        data=DataConfig(("a", "b"), "c", template="{a} {b}", task="generation", validation_share=0.2, split_seed=5),
        lamp=LampConfig(60, 4, 3, 1, "text", "Answer kindly"),
        train=TrainConfig(steps=7, learning_rate=0.5, precision="fp32", seed=3),
    )
    assert form_values.parse(form_values.values_of(recipe)) == (recipe, [])


def test_every_field_of_a_recipe_is_on_the_form() -> None:
    recipe = TuneConfig().to_dict()
    there = {field.key for field in recipe_fields.FIELDS} | {"data.input_columns", "data.target_column"}
    assert there == {f"{section}.{name}" for section in ("data", "lamp", "train") for name in recipe[section]}


def test_every_field_has_one_sentence_of_help() -> None:
    for field in recipe_fields.FIELDS:
        assert field.help.endswith(".") and field.help.count(". ") == 0, field.key


def test_choices_are_those_that_the_recipe_knows() -> None:
    from typing import get_args

    initial = next(field for field in recipe_fields.FIELDS if field.key == "lamp.initial")
    assert {value for _, value in initial.choices} == set(get_args(InitialPrompt))


def test_numbers_from_the_browser_become_whole_numbers(values: dict[str, Any]) -> None:
    values["train.steps"] = 25.0
    config, unparsed = form_values.parse(values)
    assert (config.train.steps, type(config.train.steps), unparsed) == (25, int, [])


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (2.5, "Steps must be a whole number, not 2.5."),
        (None, "Steps is empty: give a number, such as 200."),
        ("", "Steps is empty: give a number, such as 200."),
        ("many", "Steps must be a number, not 'many'."),
        (math.nan, "Steps must be a number, not nan."),
        (math.inf, "Steps must be a number, not inf."),
    ],
)
def test_what_is_no_whole_number_is_one_sentence(value: object, sentence: str, values: dict[str, Any]) -> None:
    assert form_values.parse({**values, "train.steps": value})[1] == [sentence]


@pytest.mark.parametrize(
    ("value", "rate", "problems"),
    [
        ("found", "found", []),
        ("0.16", 0.16, []),
        (" 0,04 ", 0.04, []),
        (0.1, 0.1, []),
        ("quick", "found", ["Learning rate must be a number, not 'quick'."]),
        ("", "found", ["Learning rate is empty: give a number, such as 0.32."]),
    ],
)
def test_a_learning_rate_is_found_or_a_number_with_a_point_or_a_comma(
    value: object, rate: object, problems: list[str], values: dict[str, Any]
) -> None:
    config, unparsed = form_values.parse({**values, "train.learning_rate": value})
    assert (config.train.learning_rate, unparsed) == (rate, problems)


def test_every_problem_of_a_form_is_listed_at_once(studio: Studio, values: dict[str, Any]) -> None:
    dataset = studio.datasets()[0].reference
    values |= {"backbone.choice": "", "backbone.other": " ", "dataset": dataset, "gpus": 1} | {
        "data.target_column": None,
        "lamp.rank": 900,
        "lamp.pooling": 7,
        "train.steps": None,
        "train.precision": "fp8",
    }
    del values["backbone"]
    rail = TuneForm(studio, list(values)).look(*values.values())[2]
    assert "6 things to put right" in rail
    assert rail.count("<li>") == 6
    for part in ("backbone", "target column", "rank (900)", "pooling (7)", "Steps", "Precision"):
        assert part in rail


def test_what_can_be_parsed_is_kept_beside_what_cannot(values: dict[str, Any]) -> None:
    config, problems = form_values.parse({**values, "train.steps": "many", "lamp.rank": 3})
    assert (config.lamp.rank, config.train.steps, len(problems)) == (3, TrainConfig().steps, 1)


@pytest.mark.parametrize(("value", "names"), [(["a", "b"], ("a", "b")), ("a", ("a",)), ("", ()), (None, ()), ([], ())])
def test_columns_are_a_list_a_name_or_nothing(value: object, names: tuple[str, ...]) -> None:
    assert form_values.columns(value) == names


def test_every_preset_is_a_recipe_that_can_run(values: dict[str, Any]) -> None:
    for name, preset in recipe_fields.PRESETS.items():
        config, unparsed = form_values.parse({**values, **preset})
        config.check()
        assert unparsed == []
        assert form_values.preset_of({**values, **preset}) == name
    assert form_values.preset_of({**values, "train.steps": 123}) is None
    assert form_values.preset_of(values) == "Recommended"


def test_tags_are_words_between_commas() -> None:
    assert formatting.parse_tags(" a b ,c,, c , ") == ("a b", "c")
