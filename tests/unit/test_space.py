"""The page of a Space answers as the studio does, and holds no row of anybody's data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import yaml

from app.answering.answer import Request
from app.answering.predictor import Predictor
from app.hub.errors import HubError
from app.hub.space import ADAPTER, check_space, space_files
from lamp.backbone import precision
from lamp.config import Task
from lamp.data.conversation import to_cell
from tests.unit.test_use_code import ROW, recipe_of, tiny_chat, trained
from tests.unit.training import recipe

__all__ = ["tiny_chat"]


@pytest.mark.parametrize("task", ["classification", "generation"])
@pytest.mark.parametrize("family", ["tiny_llama", "tiny_t5", "tiny_chat"])
def test_the_page_of_a_space_gives_the_answer_of_the_studio(
    family: str,
    task: Task,
    request: pytest.FixtureRequest,
    tiny_table: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = recipe_of(request.getfixturevalue(family), task)
    use = trained(config, tiny_table, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(precision, "_cpu_multiplies_bf16", lambda: False)  # as the page loads it
    (answer,) = Predictor().answers(Request(str(tmp_path / "exported"), use.backbone, (ROW,), untrained=False))
    (tmp_path / "my-films").rename(tmp_path / "prompt")
    page: dict[str, Any] = {"__name__": "a module"}
    exec(compile(space_files(use, {})["app.py"], "app.py", "exec"), page)  # it is what is tested
    said = page["answer_cells"](*ROW.values())
    if task == "classification":
        assert said == pytest.approx(answer.tuned_probabilities, abs=1e-4)
    else:
        assert said == answer.tuned
    with pytest.raises(gr.Error, match="Write something"):
        page["answer_cells"](" ")
    with pytest.raises(gr.Error, match=r"Shorten this: it has \d+ tokens, and the prompt was made for \d+ at most"):
        page["answer_cells"]("good film " * config.data.max_input_tokens)


def test_a_space_holds_no_row_and_says_what_it_is(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    use = replace(trained(recipe(tiny_llama, steps=1), tiny_table, tmp_path), row={"text": "the parcel of a customer"})
    turns = to_cell([("user", "the parcel of a customer")])
    for row in (use.row, {"text": turns}):
        files = space_files(replace(use, row=row, name='"films": a\nname'), {"license": "mit"})
        assert all(b"parcel" not in content for content in files.values())
        compile(files["app.py"], "app.py", "exec")
        front = yaml.safe_load(files["README.md"].decode().split("---\n")[1])
        assert (front["title"], front["sdk"], front["license"]) == ('"films": a\nname', "gradio", "mit")
        assert front["sdk_version"] == gr.__version__
        pins = dict(line.split("==") for line in files["requirements.txt"].decode().splitlines())
        assert set(pins) == {"torch", "transformers", "safetensors"} and "+" not in pins["torch"]
    assert (tmp_path / "my-films" / ADAPTER).is_file()


def test_a_model_that_is_a_folder_here_is_refused_before_anything_is_sent(tiny_llama: Path) -> None:
    check_space("acme/tiny")
    with pytest.raises(HubError, match="is a folder of this machine: publish the prompt itself"):
        check_space(str(tiny_llama))
