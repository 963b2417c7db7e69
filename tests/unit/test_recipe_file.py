"""A recipe is saved as a file and opened from one; a file that is none is one sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from app.studio import Studio
from app.ui.tune import form_values, recipe_fields
from app.ui.tune.recipe_file import RecipeFile
from app.ui.tune.tune_form import TuneForm
from lamp.config import TuneConfig

KEYS = [
    *("backbone.choice", "backbone.other", "dataset", "data.input_columns", "data.target_column", "gpus"),
    *(field.key for field in recipe_fields.FIELDS),
]


@pytest.fixture
def files(studio: Studio) -> RecipeFile:
    return RecipeFile(TuneForm(studio, KEYS))


def form_of(config: TuneConfig, dataset: str) -> list[Any]:
    values = {**form_values.values_of(config), "backbone.choice": "", "backbone.other": config.backbone}
    return [{**values, "dataset": dataset, "gpus": 1}.get(key) for key in KEYS]


def test_what_is_saved_can_be_opened_and_the_data_set_stays(
    studio: Studio, files: RecipeFile, tiny_llama: Path, tmp_path: Path
) -> None:
    dataset = studio.datasets()[0].reference
    data = studio.guess_columns(dataset)
    config = TuneConfig(str(tiny_llama), replace(data, template="{{" + data.input_columns[0] + "}}", test_share=0.2))
    config = replace(config, train=replace(config.train, learning_rate=0.05, steps=77))
    text = files.save(*form_of(config, dataset))
    assert TuneConfig.from_dict(json.loads(text)) == config
    file = tmp_path / "recipe.json"
    file.write_text(text)
    recipe, said = files.read(str(file))
    assert "recipe.json is opened." in said
    *filled, said = files.fill(recipe, *form_of(TuneConfig(str(tiny_llama), data), dataset))
    assert said == gr.skip()
    values = {key: getattr(update, "value", update) for key, update in zip(KEYS, filled, strict=True)}
    assert values["train.steps"] == 77 and values["train.learning_rate"] == "0.05"
    assert values["dataset"] == dataset and values["backbone.other"] == str(tiny_llama)
    parsed, problems = form_values.parse({**values, "backbone": values["backbone.other"]})
    assert parsed == config and not problems


def test_columns_that_the_data_set_does_not_have_are_named_and_the_fields_show_what_is_read_instead(
    studio: Studio, files: RecipeFile, tiny_llama: Path
) -> None:
    dataset = studio.datasets()[0].reference
    data = studio.guess_columns(dataset)
    recipe = TuneConfig(str(tiny_llama), replace(data, input_columns=("subject", "body"), target_column="desk"))
    *filled, said = files.fill(json.dumps(recipe.to_dict()), *form_of(TuneConfig(str(tiny_llama), data), dataset))
    assert "no columns &#x27;subject&#x27;, &#x27;body&#x27; and &#x27;desk&#x27;: &#x27;text&#x27; is read" in said
    values = dict(zip(KEYS, filled, strict=True))
    assert values["data.input_columns"].value == ["text"] and values["data.target_column"].value == "label"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no json", "It holds no JSON"),
        (b"\xff\xfe", "It holds no JSON"),
        (b"[" * 100_000, "It holds no JSON"),
        (b"[]", "recipe"),
        (b'{"train": {"steps": "many"}}', "train.steps"),
        (b'{"nonsense": 1}', "nonsense"),
        (b" " * 300_000, "It is too large for a recipe"),
    ],
)
def test_a_file_that_holds_no_recipe_changes_nothing(
    content: bytes, sentence: str, files: RecipeFile, tmp_path: Path
) -> None:
    file = tmp_path / "odd.json"
    file.write_bytes(content)
    recipe, said = files.read(str(file))
    assert recipe == "" and "odd.json was not opened." in said and sentence in said
    assert files.fill(recipe, 1, 2) == [gr.skip()] * 3
    assert files.read(None) == ("", "")
