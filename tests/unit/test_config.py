"""A recipe says everything that is wrong with it at once, and survives a trip through JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lamp.config import DataConfig, LampConfig, TrainConfig, TuneConfig
from lamp.errors import ConfigError

GOOD = TuneConfig("org/name", DataConfig(("text",), "label"))


def test_the_defaults_with_a_backbone_and_columns_are_fine() -> None:
    GOOD.check()


def test_a_recipe_survives_json() -> None:
    changed = replace(GOOD, lamp=LampConfig(rank=3, initial="labels"), train=TrainConfig(learning_rate=0.5, seed=7))
    assert TuneConfig.from_dict(json.loads(json.dumps(changed.to_dict()))) == changed


def test_absent_fields_take_their_defaults() -> None:
    assert TuneConfig.from_dict({"backbone": "x/y"}) == TuneConfig("x/y")


def test_every_problem_is_listed_at_once() -> None:
    bad = TuneConfig("", DataConfig((), ""), LampConfig(rank=200, pooling=7), TrainConfig(steps=0, learning_rate=-1))
    with pytest.raises(ConfigError) as caught:
        bad.check()
    assert len(caught.value.problems) == 7


@pytest.mark.parametrize(
    ("lamp", "sentence"),
    [
        (
            LampConfig(rank=101),
            r"The rank \(101\) is larger than the prompt length \(100\): choose a rank of 100 or less",
        ),
        (LampConfig(pooling=7), r"\(100\) cannot be divided by the pooling \(7\): try a prompt length of 98\."),
        (LampConfig(prompt_length=0), "The prompt length must be between 1 and 2000 tokens, not 0"),
        (LampConfig(initial="text"), "that text is empty"),
    ],
)
def test_a_bad_prompt_shape_is_one_sentence_that_says_what_to_do(lamp: LampConfig, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        replace(GOOD, lamp=lamp).check()
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (None, "recipe must be an object with named fields, not None."),
        ([], "recipe must be an object with named fields, not []."),
        ("x", "recipe must be an object with named fields, not 'x'."),
        ({"lamp": 3}, "recipe.lamp must be an object with named fields, not 3."),
        ({"lamp": {"rank": "eight"}}, "recipe.lamp.rank must be a whole number, not 'eight'."),
        ({"lamp": {"rank": 2.5}}, "recipe.lamp.rank must be a whole number, not 2.5."),
        ({"lamp": {"rank": True}}, "recipe.lamp.rank must be a whole number, not True."),
        ({"train": {"learning_rate": float("nan")}}, "recipe.train.learning_rate must be a finite number, not nan."),
        ({"train": {"learning_rate": float("inf")}}, "recipe.train.learning_rate must be a finite number, not inf."),
        ({"train": {"steps": float("inf")}}, "recipe.train.steps must be a whole number, not inf."),
        (
            {"train": {"learning_rate": "fast"}},
            "recipe.train.learning_rate must be a finite number or 'found', not 'fast'.",
        ),
        ({"train": {"precision": "int4"}}, "recipe.train.precision must be one of auto, bf16, fp16, fp32, not 'int4'."),
        ({"data": {"input_columns": "text"}}, "recipe.data.input_columns must be a list of column names, not 'text'."),
        ({"data": {"input_columns": [1]}}, "recipe.data.input_columns must be a list of column names, not [1]."),
        ({"backbone": 5}, "recipe.backbone must be a text, not 5."),
        ({"unknown": 1}, "recipe has no field 'unknown'; it has backbone, data, lamp, train."),
        (
            {"lamp": {"tokens": 5}},
            "recipe.lamp has no field 'tokens'; it has prompt_length, rank, pooling, interactions, initial, "
            "initial_text, initial_prompt.",
        ),
    ],
)
def test_json_that_is_no_recipe_is_refused_with_the_fields_name(values: Any, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TuneConfig.from_dict(values)
    assert caught.value.problems == (sentence,)


def test_every_field_that_does_not_fit_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        TuneConfig.from_dict({"unknown": 1, "lamp": {"rank": "eight", "pooling": None}, "backbone": 5})
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "recipe",
        "recipe.lamp.rank",
        "recipe.lamp.pooling",
        "recipe.backbone",
    ]


def test_a_whole_number_may_be_written_with_a_point_and_a_number_without() -> None:
    config = TuneConfig.from_dict({"lamp": {"rank": 8.0}, "train": {"learning_rate": 1}})
    assert (config.lamp.rank, config.train.learning_rate) == (8, 1.0)
    assert (type(config.lamp.rank), type(config.train.learning_rate)) == (int, float)
