"""`python -m lamp`: train, predict and evaluate without the studio."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from lamp.cli import main
from lamp.progress_bar import BarReporter
from tests.unit.training import recipe


def test_a_prompt_is_trained_evaluated_and_used_from_the_command_line(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(recipe(tiny_llama).to_dict()))
    out = tmp_path / "out"
    assert main(["train", str(tmp_path / "recipe.json"), "--data", str(tiny_table), "--out", str(out)]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert (out / "adapter_model.safetensors").is_file()

    assert main(["evaluate", str(out), "--data", str(tiny_table)]) == 0
    told = capsys.readouterr()
    assert "60/60" in told.err
    scores = json.loads(told.out)
    assert scores["rows"] == 60
    assert 0 <= scores["accuracy"] <= 1
    assert trained.keys() >= {"accuracy", "untrained_accuracy", "macro_f1"}

    assert main(["predict", str(out), "--data", str(tiny_table), "--rows", "3"]) == 0
    told = capsys.readouterr()
    assert "3/3" in told.err
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert len(lines) == 3
    for line in lines:
        assert line["prediction"] == max(line["probabilities"], key=line["probabilities"].__getitem__)
        assert sum(line["probabilities"].values()) == pytest.approx(1)


def test_a_second_call_goes_on_from_the_last_checkpoint(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(recipe(tiny_llama).to_dict()))
    command = ["train", str(tmp_path / "recipe.json"), "--data", str(tiny_table), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    first = capsys.readouterr()
    assert main(command) == 0
    second = capsys.readouterr()
    assert "Going on from the checkpoint at step 12" in second.err
    assert json.loads(first.out) == json.loads(second.out)


def test_one_interrupt_ends_a_run_after_its_step_with_its_prompt_and_the_same_command_goes_on(
    tiny_llama: Path,
    tiny_table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(self: BarReporter, step: int, values: dict[str, float]) -> None:
        if step == 3 and "loss" in values:
            signal.raise_signal(signal.SIGINT)

    (tmp_path / "recipe.json").write_text(json.dumps(recipe(tiny_llama).to_dict()))
    command = ["train", str(tmp_path / "recipe.json"), "--data", str(tiny_table), "--out", str(tmp_path / "out")]
    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patched:
        patched.setattr(BarReporter, "log", interrupt)
        assert main(command) == 0
    assert signal.getsignal(signal.SIGINT) is before
    assert json.loads((tmp_path / "out" / "lamp_config.json").read_text())["trained_steps"] == 3
    assert "Stopping after this step" in capsys.readouterr().err
    assert main(command) == 0
    assert "Going on from the checkpoint at step 3" in capsys.readouterr().err
    assert json.loads((tmp_path / "out" / "lamp_config.json").read_text())["trained_steps"] == 12


@pytest.mark.parametrize("content", ["", "{", '{"backbone": 3}', '{"backbone": "x/y"}'])
def test_a_recipe_that_makes_no_sense_is_one_sentence(
    content: str, tiny_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe.json").write_text(content)
    assert main(["train", str(tmp_path / "recipe.json"), "--data", str(tiny_table), "--out", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert told.strip()
    assert "Traceback" not in told


@pytest.mark.parametrize("rows", ["0", "-3", "many"])
def test_a_number_of_rows_that_makes_no_sense_is_one_sentence(
    rows: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(tmp_path), "--data", "x.csv", "--rows", rows])
    assert ended.value.code == 2
    assert f"--rows: it must be a whole number from 1 on, not '{rows}'" in capsys.readouterr().err
