"""The page of a Space answers as the studio does, and holds no row of anybody's data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import yaml

from app.answering.answer import Request
from app.answering.predictor import Predictor
from app.hub.errors import HubError
from app.hub.space import ADAPTER, check_space, folders, space_files
from app.prompts.prompt_use import PromptUse
from app.run import Run
from app.settings import Settings
from app.studio import Studio
from lamp.backbone import precision
from lamp.config import DataConfig, Task, TuneConfig
from lamp.data.conversation import to_cell
from storage.database import open_database
from storage.jobs import JobState, JobStore
from tests.unit.test_use_code import ROW, recipe_of, tiny_chat, trained
from tests.unit.training import recipe

__all__ = ["tiny_chat"]


def functions_of(uses: list[PromptUse]) -> list[Callable[..., Any]]:
    """What the page of a Space calls for each of its prompts."""
    page: dict[str, Any] = {"__name__": "a module"}
    exec(compile(space_files(uses, {})["app.py"], "app.py", "exec"), page)  # it is what is tested
    return [part.fn for part in page["pages"]]


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
    (answer_cells,) = functions_of([use])
    said = answer_cells(*ROW.values())
    if task == "classification":
        assert said == pytest.approx(answer.tuned_probabilities, abs=1e-4)
    else:
        assert said == answer.tuned
    with pytest.raises(gr.Error, match="Write something"):
        answer_cells(" ")
    with pytest.raises(gr.Error, match=r"Shorten this: it has \d+ tokens, and the prompt was made for \d+ at most"):
        answer_cells("good film " * config.data.max_input_tokens)


def test_a_page_for_several_prompts_gives_the_answers_of_each(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(precision, "_cpu_multiplies_bf16", lambda: False)
    labels, text = recipe_of(tiny_llama, "classification"), recipe_of(tiny_llama, "generation")
    longer = replace(text, data=replace(text.data, max_target_tokens=5), lamp=replace(text.lamp, prompt_length=10))
    uses, expected = [], []
    for config, folder in zip((text, labels, longer), folders(3), strict=True):
        home = tmp_path / f"home-of-{folder}"
        home.mkdir()
        use = trained(config, tiny_table, home)
        (answer,) = Predictor().answers(Request(str(home / "exported"), use.backbone, (ROW,), untrained=False))
        (home / "my-films").rename(tmp_path / folder)
        uses.append(use)
        expected.append(answer.tuned_probabilities or answer.tuned)
    asked = functions_of(uses)
    for number in (0, 1, 2, 0):  # in turns: none leaves its settings to the next
        said = asked[number](*ROW.values())
        assert said == (pytest.approx(expected[number], abs=1e-4) if number == 1 else expected[number])


def test_a_page_for_all_has_one_persons_finished_prompts_of_one_model(tmp_path: Path) -> None:
    settings = Settings.from_environment({"STUDIO_HOME": str(tmp_path)})
    studio = Studio(settings, open_database(settings.database_url))
    store = JobStore(studio._database)

    def finished(owner: str, backbone: str = "acme/tiny", has_prompt: bool = True) -> str:
        config = TuneConfig(backbone, DataConfig(("text",), "label"))
        id = store.add("a run", config.to_dict(), "sample:x", "x.csv", 10, owner=owner).id
        store.claim("a machine", [0])
        store.finish(id, JobState.DONE, artifact=id if has_prompt else None)
        store.release(id)
        return id

    first, second = finished("ada"), finished("ada")
    finished("eve"), finished("ada", "acme/other"), finished("ada", has_prompt=False)
    shown = finished("ada")
    assert studio._others_on_a_page(Run.of(store.get(shown))) == [second, first]


def test_a_space_holds_no_row_and_says_what_it_is(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    use = replace(trained(recipe(tiny_llama, steps=1), tiny_table, tmp_path), row={"text": "the parcel of a customer"})
    turns = to_cell([("user", "the parcel of a customer")])
    for row in (use.row, {"text": turns}):
        files = space_files([replace(use, row=row, name='"films": a\nname')], {"license": "mit"})
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
