"""The command line of a running studio."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from app.terminal.commands import main
from tests.browser.studio import RunningStudio, free_port, recipe
from tests.foreign_prompts import adapter, zipped

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(studio: RunningStudio, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs a command: exit status, standard output and standard error."""

    def ask(*arguments: str, url: str = studio.url) -> tuple[int, str, str]:
        status = main(["--studio", url, *arguments])
        return status, *capsys.readouterr()

    return ask


def test_a_run_is_trained_tried_and_taken_home_from_a_terminal(
    ask: Ask, tiny_llama: Path, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.terminal.commands._POLL_SECONDS", 0.3)
    (tmp_path / "recipe.json").write_text(json.dumps(recipe(str(tiny_llama), 6).to_dict()))
    status, said, followed = ask("train", str(tmp_path / "recipe.json"), "--data", str(films), "--name", "by hand")
    run, ended = said.splitlines()
    assert status == 0 and json.loads(ended)["state"] == "done" and "6/6" in followed
    assert run in ask("runs")[1] and "by hand" in ask("runs")[1]
    answers = json.loads(ask("try", run, "the film was good")[1])
    assert set(answers[0]["tuned_probabilities"]) == {"positive", "negative"}
    assert json.loads(ask("results", run)[1])["answers"]
    archive = tmp_path / "prompt.zip"
    assert ask("export", run, "--out", str(archive))[:2] == (0, f"{archive}\n")
    assert "adapter_model.safetensors" in zipfile.ZipFile(archive).namelist()


def test_a_prompt_is_imported_scored_and_its_card_shown_from_a_terminal(
    ask: Ask, tiny_llama: Path, films: Path, tmp_path: Path
) -> None:
    zipped(tmp_path / "other.zip", adapter("/nowhere/x"))
    said = "--backbone", str(tiny_llama), "--template", "{text}", "--label", "positive", "--label", "negative"
    status, run, _ = ask("import", str(tmp_path / "other.zip"), *said, "--name", "by another program")
    assert status == 0 and "by another program" in ask("runs")[1]
    scores = json.loads(ask("score", run.strip(), "--data", str(films), "--target", "label")[1])
    assert scores["test_rows"] == 60 and set(scores) >= {"accuracy", "untrained_accuracy"}
    assert "license: mit" in ask("card", run.strip(), "--licence", "mit")[1]
    assert "a folder that is not on this machine" in ask("import", str(tmp_path / "other.zip"))[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("follow", "nothing"), "There is no run 'nothing'."),
        (("train", "/no/such/recipe.json", "--data", "x"), "'/no/such/recipe.json' cannot be read"),
        (("export", "nothing"), "There is no run 'nothing'."),
    ],
)
def test_what_goes_wrong_is_one_sentence(ask: Ask, arguments: tuple[str, ...], said: str) -> None:
    status, printed, error = ask(*arguments)
    assert (status, printed) == (1, "") and said in error and error.count("\n") == 1


def test_a_studio_that_does_not_run_is_one_sentence(ask: Ask) -> None:
    status, printed, error = ask("runs", url=f"http://127.0.0.1:{free_port()}")
    assert (status, printed) == (1, "") and error.startswith("No studio answers at http://127.0.0.1:")
    assert error.count("\n") == 1
