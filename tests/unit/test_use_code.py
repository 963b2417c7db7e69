"""The programs that the studio gives for a prompt are whole, and answer as the studio does."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from app.answering.answer import Request
from app.answering.predictor import Predictor
from app.answering.prompt_kind import prompt_kind
from app.prompts.bundle import zip_artifact
from app.prompts.programs import COMMAND, PEFT, SERVE, TRANSFORMERS, program
from app.prompts.prompt_use import PromptUse
from lamp.backbone import precision
from lamp.backbone.frozen import FrozenBackbone
from lamp.config import InputFormat, Task, TuneConfig
from lamp.data.conversation import to_cell
from lamp.export.saved_prompt import save_prompt
from lamp.serving.prompts import ServedPrompts, read_prompts
from tests.unit.serving import serving
from tests.unit.training import recipe, run

ROW = {"text": 'the "film" was {good}\nvery good'}


def trained(config: TuneConfig, table: Path, folder: Path) -> PromptUse:
    """A prompt, its zip unpacked in the folder, and what programs have to know of it."""
    result, _ = run(config, table, folder / "checkpoints")
    exported = folder / "exported"
    exported.mkdir()
    save_prompt(result, config, exported)
    archive = zip_artifact(exported, folder / "exports", "my films")
    zipfile.ZipFile(archive).extractall(folder / "my-films")
    archive.rename(folder / archive.name)
    return PromptUse("0123456789", "my films", config.backbone, config.data, prompt_kind(exported), ROW, "http://x")


@pytest.fixture(scope="module")
def tiny_chat(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backbone with a chat template."""
    folder = tmp_path_factory.mktemp("chat") / "tiny-chat"
    shutil.copytree(tiny_llama, folder)
    (folder / "chat_template.jinja").write_text("User: {{ messages[0]['content'] }}\nModel:")
    return folder


def recipe_of(backbone: Path, task: Task) -> TuneConfig:
    """A recipe with a template of its own, in the chat format where the backbone is `tiny_chat`."""
    config = recipe(backbone, steps=3)
    chat: InputFormat = "chat" if backbone.name == "tiny-chat" else "plain"
    data = replace(config.data, task=task, template="Read {text} {{now}} ->", input_format=chat, max_target_tokens=12)
    return replace(config, data=data)


def printed(code: str) -> str:
    """What a program prints when it is run here."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "program", "exec"), {})  # the program is what is tested
    return output.getvalue().strip()


@pytest.mark.parametrize("way", [PEFT, TRANSFORMERS])
@pytest.mark.parametrize("task", ["classification", "generation"])
@pytest.mark.parametrize("family", ["tiny_llama", "tiny_t5", "tiny_chat"])
def test_a_program_gives_the_answer_of_the_studio(
    family: str,
    task: Task,
    way: str,
    request: pytest.FixtureRequest,
    tiny_table: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use = trained(recipe_of(request.getfixturevalue(family), task), tiny_table, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(precision, "_cpu_multiplies_bf16", lambda: False)  # as the programs load it
    (answer,) = Predictor().answers(Request(str(tmp_path / "exported"), use.backbone, (ROW,), untrained=False))
    said = printed(program(use, way))
    if task == "classification":
        label, _, shown = said.partition("\n")
        assert label == answer.tuned
        shares = json.loads(shown.replace("'", '"'))
        assert shares == pytest.approx(answer.tuned_probabilities, abs=1e-4)
    else:
        assert said == answer.tuned


def test_the_command_line_gives_the_answer_of_the_studio(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    use = trained(recipe(tiny_llama, steps=3), tiny_table, tmp_path)
    (tmp_path / "my-films").rename(tmp_path / "elsewhere")  # the program unpacks the zip itself
    (answer,) = Predictor().answers(Request(str(tmp_path / "exported"), use.backbone, (ROW,), untrained=False))
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        ["bash", "-e", "-c", program(use, COMMAND)],
        cwd=tmp_path,
        env={**os.environ, **path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["prediction"] == answer.tuned


@pytest.mark.parametrize("columns", [("text",), ("text", "number")])
@pytest.mark.parametrize("task", ["classification", "generation"])
def test_the_openai_client_gets_the_answer_of_the_studio(
    task: Task,
    columns: tuple[str, ...],
    tiny_llama: Path,
    tiny_table: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = tmp_path / "films.csv"
    lines = tiny_table.read_text().splitlines()
    table.write_text("\n".join([f"{lines[0]},number", *(f"{line},{line[-9]}" for line in lines[1:])]))
    config = recipe(tiny_llama, steps=3)
    data = replace(config.data, task=task, input_columns=columns, max_target_tokens=12)
    config = replace(config, data=data)
    row = {column: {"text": ROW["text"], "number": "7"}[column] for column in columns}
    use = replace(trained(config, table, tmp_path), row=row)
    monkeypatch.setattr(precision, "_cpu_multiplies_bf16", lambda: False)  # as the program is served below
    (answer,) = Predictor().answers(Request(str(tmp_path / "exported"), use.backbone, (row,), untrained=False))
    prompts = ServedPrompts(
        FrozenBackbone.load(use.backbone, precision="fp32"), read_prompts([str(tmp_path / "my-films")])
    )
    with serving(prompts) as served:
        said = printed(program(use, SERVE).replace("http://127.0.0.1:8000", served.address))
    text, _, shown = said.partition("\n")
    assert text == answer.tuned
    if task == "classification":
        assert json.loads(shown.replace("'", '"')) == pytest.approx(answer.tuned_probabilities, abs=1e-4)


@pytest.mark.parametrize("template", ["{text}", "Read {text} ->"])
def test_a_program_reads_a_conversation_as_the_studio_does(
    template: str, tiny_chat: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = tmp_path / "tiny-turns"
    shutil.copytree(tiny_chat, backbone)
    (backbone / "chat_template.jinja").write_text(
        "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}Model:"
    )
    config = recipe(backbone, steps=3)
    config = replace(config, data=replace(config.data, template=template, input_format="chat"))
    row = {"text": to_cell([("user", "Hi"), ("assistant", 'Hello, "you"'), ("user", "How was the film?")])}
    use = replace(trained(config, tiny_table, tmp_path), row=row)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(precision, "_cpu_multiplies_bf16", lambda: False)  # as the programs load it
    (answer,) = Predictor().answers(Request(str(tmp_path / "exported"), config.backbone, (row,), untrained=False))
    label, _, shown = printed(program(use, PEFT)).partition("\n")
    assert label == answer.tuned
    assert json.loads(shown.replace("'", '"')) == pytest.approx(answer.tuned_probabilities, abs=1e-4)
