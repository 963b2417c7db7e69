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


def test_every_problem_is_told_at_once() -> None:
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
    "values",
    [
        None,
        [],
        "x",
        {"lamp": 3},
        {"lamp": {"rank": "eight"}},
        {"lamp": {"rank": 2.5}},
        {"lamp": {"rank": True}},
        {"train": {"learning_rate": float("nan")}},
        {"train": {"learning_rate": float("inf")}},
        {"train": {"steps": float("inf")}},
        {"train": {"precision": "int4"}},
        {"data": {"input_columns": "text"}},
        {"data": {"input_columns": [1]}},
        {"backbone": 5},
        {"unknown": 1},
        {"lamp": {"tokens": 5}},
    ],
)
def test_json_that_is_no_recipe_is_refused_with_the_fields_name(values: Any) -> None:
    with pytest.raises(ConfigError, match=r"recipe"):
        TuneConfig.from_dict(values)
