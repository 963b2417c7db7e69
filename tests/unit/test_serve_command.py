"""The command that serves exported prompts, from its start to its end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from lamp.backbone.frozen import FrozenBackbone
from lamp.cli import main
from lamp.errors import DataError
from lamp.export.saved_prompt import save_prompt
from lamp.serving.prompts import ServedPrompts, read_prompts
from tests.unit.training import recipe, run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def exported(tiny_llama: Path, tiny_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a prompt that picks labels."""
    config = recipe(tiny_llama, steps=2)
    result, _ = run(config, tiny_table, tmp_path_factory.mktemp("checkpoints"))
    folder = tmp_path_factory.mktemp("exports") / "films"
    folder.mkdir()
    save_prompt(result, config, folder)
    return folder


def changed(exported: Path, folder: Path, **values: Any) -> Path:
    """A copy of the prompt whose recipe has other values."""
    shutil.copytree(exported, folder)
    file = folder / "recipe.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))
    return folder


@contextmanager
def started(*options: str, key: str = "") -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """The command in a process of its own, its address, and what it said up to there."""
    environment = {**os.environ, "LAMP_API_KEY": key}
    command = [sys.executable, "-m", "lamp", "serve", *options, "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        lines: list[str] = []
        try:
            for line in process.stderr:
                lines.append(line)
                if match := re.search(r"on (http://\S+/v1)", line):
                    yield process, match[1], lines
                    break
            else:
                pytest.fail("".join(lines))
        finally:
            process.kill()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_says_what_it_serves_answers_and_ends_without_an_error(exported: Path, ending: signal.Signals) -> None:
    with started(f"a={exported}", f"b={exported}", key="a-secret") as (process, address, lines):
        client = OpenAI(base_url=address, api_key="a-secret")
        answer = client.completions.create(model="b", prompt="a good film")
        assert answer.choices[0].text in ("positive", "negative")
        assert [model.id for model in client.models.list()] == ["a", "b"]
        said = "".join(lines)
        assert "Serving a, b on http://127.0.0.1:" in said and "up to 16 at a time" in said and "use vLLM" in said
        process.send_signal(ending)
        assert process.wait() == 0
        rest = process.stderr.read() if process.stderr else ""
        assert "Traceback" not in rest and "a-secret" not in said + rest


def told(capsys: pytest.CaptureFixture[str]) -> str:
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error.splitlines()[-1]


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No backbone can be loaded: what is refused is refused before."""
    monkeypatch.setattr(FrozenBackbone, "load", None)


@pytest.mark.usefixtures("unloaded")
def test_prompts_that_cannot_be_served_together_are_one_sentence_before_anything_is_loaded(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = changed(exported, tmp_path / "other", backbone="somebody/model")
    assert main(["serve", str(exported), str(other)]) == 1
    sentence = told(capsys)
    assert sentence.startswith("The prompts 'films' and 'other' are of different backbones (")
    assert sentence.endswith("serve each backbone with a command of its own.")
    assert main(["serve", str(exported), str(exported)]) == 1
    assert told(capsys) == f"Two prompts are called 'films': name one of them otherwise, as in OTHER={exported}."
    assert main(["serve", str(tmp_path / "nothing")]) == 1
    assert told(capsys).startswith("nothing does not hold a whole exported prompt: ")


@pytest.mark.usefixtures("unloaded")
def test_an_address_that_is_taken_is_one_sentence_before_anything_is_loaded(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", str(exported), "--port", str(port)]) == 1
    assert told(capsys).startswith(f"The server cannot listen on 127.0.0.1:{port} (Address already in use): end what")
    assert main(["serve", str(exported), "--host", "no.such.host.invalid"]) == 1
    assert told(capsys).startswith("The server cannot listen on no.such.host.invalid:8000 (")
    assert main(["serve", str(exported), "--host", f"{'a' * 70}.b"]) == 1  # longer than a name can be
    assert told(capsys).startswith("The server cannot listen on aaaa")


@pytest.mark.parametrize("option", [["--port", "70000"], ["--batch", "0"], ["--queue", "many"]])
def test_an_option_that_makes_no_sense_is_one_sentence(
    option: list[str], exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", str(exported), *option])
    assert ended.value.code == 2
    assert f"argument {option[0]}: it must be a whole number from " in capsys.readouterr().err


@pytest.mark.usefixtures("unloaded")
def test_a_key_that_no_client_can_send_is_one_sentence(
    exported: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMP_API_KEY", "Schlüssel")
    assert main(["serve", str(exported)]) == 1
    assert told(capsys) == "The key in LAMP_API_KEY must be of printable ASCII characters."


def test_a_prompt_of_another_width_is_one_sentence(exported: Path, tiny_t5: Path) -> None:
    saved = read_prompts([f"films={exported}"])
    backbone = FrozenBackbone.load(str(tiny_t5), precision="fp32")
    assert list(ServedPrompts(backbone, saved)) != []
    backbone.hidden_size = 64
    with pytest.raises(DataError, match=r"The prompt 'films' has vectors of width 32, and the backbone .* wants 64"):
        ServedPrompts(backbone, saved)


@pytest.mark.slow
def test_prompts_that_vote_answer_as_predict_answers_by_vote(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = recipe(tiny_llama, voters=2)
    result, _ = run(config, tiny_table, tmp_path / "checkpoints")
    (tmp_path / "both").mkdir()
    save_prompt(result, config, tmp_path / "both")
    assert main(["predict", str(tmp_path / "both"), "--data", str(tiny_table), "--rows", "20", "--vote"]) == 0
    voted = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert main(["predict", str(tmp_path / "both"), "--data", str(tiny_table), "--rows", "20"]) == 0
    alone = [json.loads(line)["probabilities"] for line in capsys.readouterr().out.splitlines()]
    with started(str(tmp_path / "both"), f"films={exported}", "--vote") as (_, address, _):
        client = OpenAI(base_url=address, api_key="none")
        both, films = client.models.retrieve("both"), client.models.retrieve("films")
        assert (both.voters, films.voters) == (2, 1)  # type: ignore[attr-defined]
        answers = client.completions.create(model="both", prompt=[row["text"] for row in voted])
        answer = client.completions.create(model="films", prompt=voted[0]["text"])
    assert [choice.text for choice in answers.choices] == [row["prediction"] for row in voted]
    shares: list[Any] = [choice.label_probabilities for choice in answers.choices]  # type: ignore[attr-defined]
    assert shares == [pytest.approx(row["probabilities"], abs=1e-5) for row in voted]
    assert shares != [pytest.approx(own, abs=1e-6) for own in alone]
    assert answer.choices[0].text in ("positive", "negative")


@pytest.mark.usefixtures("unloaded")
def test_a_vote_of_one_prompt_is_one_sentence_before_anything_is_loaded(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", str(exported), "--vote"]) == 1
    assert told(capsys).startswith("No prompt here picks labels together with others, so there is no vote: leave --")
