"""`python -m lamp sweep`: all combinations of some values, a table of the results, the best prompt exported."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lamp.cli import main
from lamp.commands.progress_bar import BarReporter
from lamp.commands.sweep import combinations
from lamp.config import TuneConfig
from tests.unit.training import recipe


@pytest.fixture
def command(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> list[str]:
    """A sweep of the recipe, whose own seed is 0."""
    (tmp_path / "recipe.json").write_text(json.dumps(recipe(tiny_llama, learning_rate="found").to_dict()))
    return ["sweep", str(tmp_path / "recipe.json"), "--data", str(tiny_table), "--out", str(tmp_path / "out")]


def rows_of(output: str) -> list[list[str]]:
    """The cells of a Markdown table, its head included."""
    lines = [line for line in output.splitlines() if line.startswith("|") and "---" not in line]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_all_combinations_are_trained_and_the_best_prompt_is_exported_as_train_exports_it(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], tiny_table: Path
) -> None:
    assert main([*command, "--learning-rates", "0.04", "0.001", "--ranks", "4", "2", "--seeds", "3"]) == 0
    told = capsys.readouterr().out
    head, *rows = rows_of(told)
    assert head[:3] == ["learning_rate", "rank", "steps"]
    assert sorted(row[:2] for row in rows) == [["0.001", "2"], ["0.001", "4"], ["0.04", "2"], ["0.04", "4"]]
    assert [row[-1] for row in rows] == ["exported", "", "", ""]
    assert rows[0][2] == "12" and all(int(row[2]) < 12 for row in rows[1:]), "the others were dropped"
    exported = TuneConfig.from_dict(json.loads((tmp_path / "out" / "recipe.json").read_text()))
    assert [f"{exported.train.learning_rate:g}", str(exported.lamp.rank)] == rows[0][:2]
    assert exported.train.seed == 3
    scores = json.loads(told.splitlines()[-1])
    assert scores == json.loads((tmp_path / "out" / "scores.json").read_text())
    assert main(["evaluate", str(tmp_path / "out"), "--data", str(tiny_table)]) == 0


def test_to_the_end_nothing_is_dropped_and_the_best_held_out_score_wins(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--learning-rates", "0.04", "1e-6", "--to-the-end"]) == 0
    head, *rows = rows_of(capsys.readouterr().out)
    assert [row[1] for row in rows] == ["12", "12"]
    loss, accuracy = head.index("validation loss"), head.index("validation accuracy")
    ranked = sorted(rows, key=lambda row: (-float(row[accuracy]), float(row[loss])))
    assert ranked[0][-1] == "exported"


def test_a_sweep_that_was_interrupted_goes_on_by_the_same_command_and_by_no_other(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = [*command[:-1], str(tmp_path / "whole"), "--seeds", "1", "2"]
    assert main(whole) == 0
    expected = capsys.readouterr().out
    with monkeypatch.context() as patched:
        patched.setattr(BarReporter, "should_stop", lambda reporter: reporter._bar.n >= 3)
        assert main([*command, "--seeds", "1", "2"]) == 0
    capsys.readouterr()
    assert main([*command, "--seeds", "1", "3"]) == 1
    assert "another run, which has other values that are tried side by side" in capsys.readouterr().err
    assert main(["train", *command[1:]]) == 1
    capsys.readouterr()
    assert main([*command, "--seeds", "1", "2"]) == 0
    told = capsys.readouterr()
    assert "Going on from the checkpoint at step 3." in told.err
    assert told.out == expected


def test_a_found_rate_is_swept_over_the_rates_of_a_search() -> None:
    base = TuneConfig("acme/tiny")
    recipes = combinations(base, {"train.learning_rate": [0.1, 0.2], "lamp.rank": [2, 4]})
    assert [(one.train.learning_rate, one.lamp.rank) for one in recipes] == [(0.1, 2), (0.1, 4), (0.2, 2), (0.2, 4)]
    assert replace(recipes[0], train=base.train, lamp=base.lamp) == base


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (["--learning-rates", "0.1"], "There is only one recipe to train: give several values"),
        (["--ranks", "4", "50"], "The rank (50) is larger than the prompt length (20)"),
        (["--lengths", "20", "2000"], "positions"),
    ],
)
def test_values_that_make_no_sense_are_one_sentence_before_anything_is_loaded(
    command: list[str], values: list[str], sentence: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*command, *values]) == 1
    told = capsys.readouterr().err
    assert sentence in told and "Traceback" not in told and "Loading" not in told
    assert not (tmp_path / "out").exists()
