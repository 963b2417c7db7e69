"""Values of the wrong type, length or size: each is one sentence, and nothing is stored."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from app.studio import Studio
from app.ui.api import Endpoints
from app.ui.guard import guarded_endpoint
from lamp.config import DataConfig, TuneConfig
from lamp.errors import BackboneError, LampError
from lamp.hub.catalog import inspect
from storage.errors import JobNotFound, StorageError
from tests.attacks.conftest import SAMPLE, Submit

KNOWN = (LampError, StorageError)


def with_value(recipe: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """The recipe with another value in one field, such as "data.template"."""
    section, _, name = key.rpartition(".")
    if not section:
        return {**recipe, name: value}
    return {**recipe, section: {**recipe.get(section, {}), name: value}}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("data.template", "{text}" * 200_000, "The template has 1,200,000 characters: shorten it to 20,000."),
        ("data.template", "{text}" * 3_000, "The template names {text} 3,000 times"),
        ("data.template", "a\0{text}", "The template holds a character that no text can hold"),
        ("data.template", "\ud800{text}", "The template holds a character that no text can hold"),
        ("data.split_seed", 2**32, "The seed of the split must be between 0 and 4294967295"),
        ("data.validation_data", "x" * 5_000_000, "The name of a data set has 5,000,000 characters"),
        ("data.target_column", "x" * 5_000, "The target column's name has 5,000 characters"),
        ("data.input_columns", ["text", "\0"], "An input column's name holds a character"),
        ("train.seed", 2**32, "The seed must be between 0 and 4294967295"),
        ("train.seed", 2**63, "recipe.train.seed is too large a number: 9223372036854775808."),
        ("train.seed", -1, "The seed must be between 0"),
        ("train.learning_rate", 10**400, "recipe.train.learning_rate is too large a number: 1000"),
        ("lamp.rank", 10**400, "recipe.lamp.rank is too large a number: 1000"),
        ("lamp.initial_text", "x" * 1_000_000, "The instruction to start from has 1,000,000 characters"),
        ("backbone", "x" * 1_000_000, "The backbone's name has 1,000,000 characters"),
        ("backbone", "x" * 300, "cannot be read: File name too long"),
        ("backbone", "/" + "x" * 300, "cannot be read: File name too long"),
        ("backbone", "~nosuchuser/x", "The backbone '~nosuchuser/x' is neither a folder"),
        ("backbone", "a\0b", "The backbone's name holds a character"),
    ],
)
def test_a_bad_value_of_a_recipe_is_one_sentence_at_once(
    studio: Studio, recipe: dict[str, Any], key: str, value: Any, said: str
) -> None:
    began = time.process_time()
    with pytest.raises(gr.Error) as told:
        guarded_endpoint(Endpoints(studio).submit)(with_value(recipe, key, value), SAMPLE)
    assert said in str(told.value).replace("\\x00", "\0") and len(str(told.value)) <= 1_030
    assert studio.jobs() == [] and time.process_time() - began < 5


def test_a_template_may_name_a_column_more_than_once() -> None:
    assert DataConfig(("text",), "label", "{text} {text} {{text}}").problems() == []


@pytest.mark.parametrize(
    "id", [5, None, ["a"], {"a": 1}, "x" * 300, "x" * 5_000_000, "a\0b", "../../etc/passwd", "\ud800"]
)
def test_what_is_no_id_of_a_run_is_a_run_that_is_not_there(studio: Studio, id: Any) -> None:
    calls = [
        lambda: studio.run(id),
        lambda: studio.stop(id),
        lambda: studio.rename(id, "x"),
        lambda: studio.delete(id),
        lambda: studio.export(id),
        lambda: studio.try_prompt(id, ["a text"]),
        lambda: studio.publish(id, "a/b", "hf_x"),
    ]
    for call in calls:
        with pytest.raises(JobNotFound, match=r"There is no run") as told:
            call()
        assert len(str(told.value)) < 400


@pytest.mark.parametrize("reference", [5, ["a"], "x" * 5_000_000, "upload:" + "x" * 300, "upload:\0", "\0"])
def test_what_is_no_data_set_is_one_sentence(studio: Studio, recipe: dict[str, Any], reference: Any) -> None:
    for call in (
        lambda: studio.dataset(reference),
        lambda: studio.first_rows(reference),
        lambda: studio.guess_columns(reference),
        lambda: studio.submit(TuneConfig.from_dict(recipe), reference),
    ):
        with pytest.raises(KNOWN) as told:
            call()
        assert len(str(told.value)) < 300


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": "x" * 10_000_000}, "The run's name has 10,000,000 characters: shorten it to 120."),
        ({"name": 5}, "The run's name must be a text, not 5."),
        ({"name": "a\0"}, "The run's name holds a character"),
        ({"gpus": "many"}, "The number of GPUs must be"),
    ],
)
def test_a_bad_start_is_one_sentence(submit: Submit, studio: Studio, values: dict[str, Any], said: str) -> None:
    with pytest.raises(KNOWN, match=said):
        submit(**values)
    assert studio.jobs() == []


@pytest.mark.parametrize("parent", ["x" * 300, "a\0", "0123456789", 5])
def test_a_run_comes_from_no_run_that_is_not_there(submit: Submit, studio: Studio, parent: Any) -> None:
    assert studio.job(submit(parent=parent)).parent is None


def test_names_notes_and_tags_are_bounded(submit: Submit, studio: Studio) -> None:
    run = submit()
    long = "x" * 10_000_000
    calls = {
        "The run's name has 10,000,000 characters": lambda: studio.rename(run, long),
        "The note has 10,000,000 characters": lambda: studio.annotate(run, long, []),
        "A tag has 10,000,000 characters": lambda: studio.annotate(run, "", [long]),
        "A run can have 20 tags, not 10,000": lambda: studio.annotate(run, "", ["x"] * 10_000),
        "A tag must be a text, not 5": lambda: studio.annotate(run, "", [5]),  # type: ignore[list-item]
        "The note holds a character": lambda: studio.annotate(run, "a\0", []),
    }
    for said, call in calls.items():
        with pytest.raises(LampError, match=said):
            call()
    job = studio.job(run)
    assert len(job.name) <= 120 and (job.note, list(job.tags)) == ("", [])


@pytest.mark.parametrize(
    ("limit", "offset"), [(10**400, 0), (1_001, 0), (-1, 0), (0, 0), ("5", 0), (5, -1), (5, 2**63), (None, 0)]
)
def test_a_list_of_runs_has_bounds(studio: Studio, limit: Any, offset: Any) -> None:
    with pytest.raises(LampError, match=r"The (limit|offset) must be a whole number between"):
        Endpoints(studio).runs(limit, offset)


@pytest.mark.parametrize("words", ["\0", "x" * 1_000_000, "\ud800", "%' OR 1=1 --"])
def test_any_words_can_be_searched_for(submit: Submit, studio: Studio, words: str) -> None:
    submit()
    assert studio.jobs(text=words) == [] or words in ("\0", "\ud800")


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([5], "An input must be a text or an object"),
        ([{"text": 5}], "An input must be a text or an object"),
        (["x"] * 10_000, "At most 100 inputs are answered at a time"),
        (["x" * 1_000_000], "An input has 1,000,000 characters"),
        (["a\0"], "An input holds a character"),
    ],
)
def test_bad_inputs_are_refused_before_anything_is_loaded(
    studio: Studio, submit: Submit, inputs: list[Any], said: str
) -> None:
    with pytest.raises(LampError, match=said):
        Endpoints(studio).try_texts(submit(), inputs)


@pytest.mark.parametrize("part", [{"id": 5}, {"id": "a/b", "subset": 5}, {"id": "a/b", "revision": "x" * 5_000}])
def test_a_bad_part_of_the_hub_is_one_sentence(studio: Studio, part: dict[str, Any]) -> None:
    with pytest.raises(LampError):
        Endpoints(studio).fetch(**part)


@pytest.mark.parametrize("weight_map", [None, [], "x", {"a": 5}, {"a": None}])
def test_an_index_of_weights_without_a_list_is_one_sentence(tmp_path: Path, tiny_llama: Path, weight_map: Any) -> None:
    folder = tmp_path / "backbone"
    folder.mkdir()
    for file in tiny_llama.iterdir():
        if file.suffix != ".safetensors":
            (folder / file.name).write_bytes(file.read_bytes())
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(BackboneError, match="has no list of weights"):
        inspect(str(folder))


def test_only_so_many_runs_wait(studio: Studio, submit: Submit) -> None:
    runs = [submit() for _ in range(3)]
    with pytest.raises(StorageError, match="3 runs wait already"):
        submit()
    studio.delete(runs[0])
    submit()
    with pytest.raises(StorageError, match="3 runs wait already"):
        studio.resume(runs[0])
    assert len(studio.jobs()) == 3


def test_json_that_is_nested_too_deeply_is_one_sentence(studio: Studio) -> None:
    deep: Any = '{"data": ' + "[" * 200_000 + "]" * 200_000 + "}"
    with pytest.raises(gr.Error) as caught:
        guarded_endpoint(Endpoints(studio).submit)(deep, SAMPLE)
    assert (
        str(caught.value).strip("'") == "The recipe must be a JSON object; it cannot be read: it is nested too deeply."
    )
