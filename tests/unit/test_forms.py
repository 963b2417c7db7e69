"""Form values to a recipe and back."""

from __future__ import annotations

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest

from app.studio import Studio
from app.ui import build_ui
from app.ui.tune import form_components, form_values, recipe_fields
from app.ui.tune.tune_form import Look, TuneForm
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


def test_every_field_of_a_recipe_is_shown_in_one_group() -> None:
    assert {field.group for field in recipe_fields.FIELDS} == set(recipe_fields.GROUPS)


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
        ("2,5", "Steps must be a whole number, not 2,5."),
        ("1,000", "Steps must be a number without commas, not '1,000'."),
        ("1,000,000", "Steps must be a number without commas, not '1,000,000'."),
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


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0,04", 0.04),
        ("0.04", 0.04),
        (",5", 0.5),
        ("-1,5", -1.5),
        (" 0,125 ", 0.125),
        ("00,125", 0.125),
        ("1e-3", 1e-3),
    ],
)
def test_a_comma_before_decimals_is_read_as_a_point(text: str, number: float, values: dict[str, Any]) -> None:
    config, problems = form_values.parse({**values, "train.clip_norm": text})
    assert (config.train.clip_norm, problems) == (number, [])


def test_no_field_is_a_number_box_of_the_browser() -> None:
    """Chromium makes 4 of "0,04" in one."""
    with gr.Blocks() as page:
        for group in recipe_fields.GROUPS:
            form_components.fields(group)
    assert not [block for block in page.blocks.values() if isinstance(block, gr.Number)]


def test_a_form_is_opened_with_what_is_to_be_seen_of_it(studio: Studio, values: dict[str, Any]) -> None:
    keys = ["dataset", "backbone.choice", "backbone.other", "gpus", *(key for key in values if "." in key)]
    request = cast(gr.Request, SimpleNamespace(query_params={}))
    shown = Look(*TuneForm(studio, list(dict.fromkeys(keys))).open("", request)[-len(Look._fields) :])
    assert "The first 8 of 451 rows" in shown.table and "451 rows" in shown.rail


def test_a_form_whose_columns_are_still_those_of_another_data_set_is_read_with_its_own(
    studio: Studio, values: dict[str, Any], tiny_llama: Path
) -> None:
    other = next(entry for entry in studio.datasets() if "label" not in entry.columns)
    values |= {"backbone.choice": str(tiny_llama), "backbone.other": "", "dataset": other.reference, "gpus": 1}
    shown = TuneForm(studio, list(values)).look(*values.values())
    target = studio.guess_columns(other.reference).target_column
    assert "Ready to start" in shown.rail and f'"target_column": "{target}"' in shown.script
    assert other.name in shown.rail and f'<th class="ls-col-answers" scope="col"><span>{target}' in shown.table


@pytest.mark.parametrize("handler", ["look", "start"])
def test_the_form_is_handed_over_whatever_the_choices_of_its_lists_are(studio: Studio, handler: str) -> None:
    """Gradio would refuse "label" as long as it believes that other columns can be chosen."""
    page = build_ui(studio)
    function = next(function for function in page.fns.values() if function.name == handler)
    sent = ["label"] * len(function.inputs)
    with ThreadPoolExecutor(1) as thread:  # browser tests may have an event loop in this one
        handed_over = thread.submit(asyncio.run, page.preprocess_data(function, sent, None)).result()
    assert handed_over == sent


def test_a_refused_file_is_named_beside_the_data_set_that_stays_chosen(studio: Studio, tmp_path: Path) -> None:
    file, chosen = tmp_path / "broken.csv", studio.datasets()[0]
    file.write_bytes(b"")
    *unchanged, said, emptied = TuneForm(studio, []).upload(str(file), chosen.reference)
    assert f"broken.csv was not added. {chosen.name}" in said and "is still chosen." in said
    assert unchanged == [gr.skip()] * 3 and emptied is None


@pytest.mark.parametrize("content", ["text,label\na,b\nc,d\n", ""])
def test_a_file_that_the_page_took_is_not_kept_beside_the_data_set(
    studio: Studio, tmp_path: Path, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "taken"))
    taken, own = tmp_path / "taken" / "a.csv", tmp_path / "a.csv"
    taken.parent.mkdir()
    for file in (taken, own):
        file.write_text(content)
        TuneForm(studio, []).upload(str(file), None)
    assert not taken.exists() and own.exists()


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
    rail = TuneForm(studio, list(values)).look(*values.values()).rail
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
    for preset in recipe_fields.PRESETS.values():
        config, unparsed = form_values.parse({**values, **preset})
        config.check()
        assert unparsed == []


def test_tags_are_words_between_commas() -> None:
    assert formatting.parse_tags(" a b ,c,, c , ") == ("a b", "c")
