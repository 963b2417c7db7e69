"""`python -m lamp`: train, predict and evaluate without the studio."""

from __future__ import annotations

import io
import json
import re
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lamp.cli import main
from lamp.commands.progress_bar import BarReporter
from tests.packed import save_bitsandbytes
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


@pytest.fixture(scope="module")
def trained(tiny_llama: Path, tiny_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a trained prompt."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "recipe.json").write_text(json.dumps(recipe(tiny_llama, steps=2).to_dict()))
    out = folder / "out"
    assert main(["train", str(folder / "recipe.json"), "--data", str(tiny_table), "--out", str(out)]) == 0
    return out


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """The sentence on standard error, without progress bars."""
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error.splitlines()[-1]


def test_a_column_called_prediction_stays_as_it_is(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("text,prediction,lamp_prediction,probabilities\ngood film,mine,mine too,0.5\n")
    assert main(["predict", str(trained), "--data", str(file)]) == 0
    (answer,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (answer["prediction"], answer["lamp_prediction"], answer["probabilities"]) == ("mine", "mine too", "0.5")
    assert answer["lamp_lamp_prediction"] in answer["lamp_probabilities"]


def test_answers_are_written_in_utf_8_whatever_the_encoding_of_the_pipe(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("text,n\nZürich 电影,1\n", encoding="utf-8")
    pipe = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(pipe, encoding="ascii", write_through=True))
    assert main(["predict", str(trained), "--data", str(file)]) == 0
    assert json.loads(pipe.getvalue().decode("utf-8"))["text"] == "Zürich 电影"


def test_rows_without_an_input_are_not_answered_and_counted(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("text,n\ngood film,1\n ,2\nbad film,3\n")
    assert main(["predict", str(trained), "--data", str(file)]) == 0
    output = capsys.readouterr()
    assert [json.loads(line)["n"] for line in output.out.splitlines()] == ["1", "3"]
    assert "Rows left out because they have no input: 1." in output.err
    file.write_text("text,n\n ,1\n ,2\n")
    assert main(["predict", str(trained), "--data", str(file)]) == 1
    assert told(capsys).endswith("rows.csv has no row with an input: there is nothing to answer.")


def test_rows_without_a_target_are_not_scored_and_counted(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("text,label\ngood film,positive\nbad film,\n ,negative\n")
    assert main(["evaluate", str(trained), "--data", str(file)]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["rows"] == 1
    assert "Rows left out because they have no input or no target: 2." in output.err
    file.write_text("text,label\ngood film,\nbad film,\n")
    assert main(["evaluate", str(trained), "--data", str(file)]) == 1
    assert told(capsys).endswith("has no row with an input and a target in 'label': there is nothing to score.")


def test_a_seed_that_makes_no_sense_is_one_sentence(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(recipe(tiny_llama, seed=-1).to_dict()))
    assert main(["train", str(tmp_path / "recipe.json"), "--data", str(tiny_table), "--out", str(tmp_path)]) == 1
    assert told(capsys) == "The seed must be between 0 and 4294967295, not -1."


def test_a_folder_that_cannot_be_written_is_one_sentence(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(recipe(tiny_llama).to_dict()))
    (tmp_path / "file").write_text("in the way")
    command = ["train", str(tmp_path / "recipe.json"), "--data", str(tiny_table), "--out", str(tmp_path / "file")]
    assert main(command) == 1
    assert told(capsys).endswith("cannot be written (Not a directory): choose another one.")


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"seed": 5}, "train.seed 0 instead of 5"),
        ({"seed": 5, "batch_size": 2}, "train.batch_size 4 instead of 2, and another train.seed"),
        ({}, "other rows"),
    ],
)
def test_a_folder_of_another_run_is_one_sentence_before_anything_is_written(
    tiny_llama: Path,
    tiny_table: Path,
    trained: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, int],
    difference: str,
) -> None:
    data = tiny_table
    if not changes:
        data = tmp_path / "other.csv"
        data.write_text(tiny_table.read_text().replace("number 7,", "number seven,"))
    (tmp_path / "recipe.json").write_text(json.dumps(recipe(tiny_llama, **{"steps": 4, **changes}).to_dict()))
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    assert main(["train", str(tmp_path / "recipe.json"), "--data", str(data), "--out", str(trained)]) == 1
    sentence = told(capsys)
    assert sentence.startswith(f"The folder {trained} holds another run, which has ") and difference in sentence
    assert before == {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}


def test_the_same_run_goes_on_to_more_steps(
    tiny_llama: Path, tiny_table: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(trained, tmp_path / "out")
    (tmp_path / "recipe.json").write_text(json.dumps(recipe(tiny_llama, steps=4).to_dict()))
    command = ["train", str(tmp_path / "recipe.json"), "--data", str(tiny_table), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    assert "Going on from the checkpoint at step 2" in capsys.readouterr().err


def test_checkpoints_of_an_earlier_version_are_gone_on_from(
    tiny_llama: Path, tiny_table: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(trained, tmp_path / "out")
    (tmp_path / "out" / "checkpoints" / "run.json").unlink()
    (tmp_path / "recipe.json").write_text(json.dumps(recipe(tiny_llama, steps=2).to_dict()))
    command = ["train", str(tmp_path / "recipe.json"), "--data", str(tiny_table), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    assert "Going on from the checkpoint at step 2" in capsys.readouterr().err
    assert (tmp_path / "out" / "checkpoints" / "run.json").is_file()


def test_warnings_about_the_data_stand_before_the_bar(
    tiny_llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(recipe(tiny_llama, steps=1).to_dict()))
    data = tmp_path / "rows.csv"
    data.write_text(
        "text,label\n" + "".join(f"film {row} by p{row}@example.org,{'ab'[row % 2]}\n" for row in range(20))
    )
    command = ["train", str(tmp_path / "recipe.json"), "--data", str(data), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    assert "In 20 of 20 rows there is what looks like an e-mail address" in capsys.readouterr().err


def test_a_quote_tells_time_and_memory_and_leaves_no_files(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(recipe(tiny_llama).to_dict()))
    assert main(["quote", str(tmp_path / "recipe.json"), "--data", str(tiny_table)]) == 0
    output = capsys.readouterr()
    first, *_ = output.out.splitlines()
    assert re.fullmatch(r"(About|Less) .*, .* of (GPU )?memory \(measured\)", first)
    assert "Loading the model …" in output.err and "Measuring …" in output.err
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.json"]


def test_a_quote_for_a_backbone_that_is_not_here_is_calculated_and_fetches_nothing(
    tiny_llama: Path,
    tiny_table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lamp.cli.is_here", lambda source: False)
    monkeypatch.setattr("lamp.backbone.frozen.FrozenBackbone.load", None)
    (tmp_path / "recipe.json").write_text(json.dumps(recipe(tiny_llama).to_dict()))
    assert main(["quote", str(tmp_path / "recipe.json"), "--data", str(tiny_table)]) == 0
    words = r"About .* of (GPU )?memory \(calculated, because the backbone is not on this machine yet\)\n"
    assert re.fullmatch(words, capsys.readouterr().out)


@pytest.mark.parametrize("command", ["train", "quote"])
def test_a_recipe_that_does_not_fit_its_backbone_is_refused_before_anything_is_loaded(
    command: str,
    tiny_llama: Path,
    tiny_table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lamp.backbone.frozen.FrozenBackbone.load", None)
    config = recipe(tiny_llama)
    config = replace(config, data=replace(config.data, max_input_tokens=600))
    (tmp_path / "recipe.json").write_text(json.dumps(config.to_dict()))
    out = ["--out", str(tmp_path / "out")] if command == "train" else []
    assert main([command, str(tmp_path / "recipe.json"), "--data", str(tiny_table), *out]) == 1
    sentence = told(capsys)
    assert sentence.startswith("The backbone has 512 positions, too few for 4 virtual tokens")
    assert not (tmp_path / "out").exists()


def test_packed_weights_are_refused_where_there_is_no_gpu_before_anything_is_loaded(
    tiny_llama: Path,
    tiny_table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    packed = save_bitsandbytes(tmp_path / "packed", 4)
    monkeypatch.setattr("lamp.backbone.frozen.FrozenBackbone.load", None)
    monkeypatch.setattr("lamp.backbone.devices.default_device", lambda: torch.device("cpu"))
    (tmp_path / "recipe.json").write_text(json.dumps(recipe(packed).to_dict()))
    assert (
        main(["train", str(tmp_path / "recipe.json"), "--data", str(tiny_table), "--out", str(tmp_path / "out")]) == 1
    )
    assert "are stored in 4 bits, which want a CUDA GPU, and this machine has none" in told(capsys)


def test_what_is_cut_is_counted_beside_the_bar(
    tiny_llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = recipe(tiny_llama, steps=1)
    config = replace(config, data=replace(config.data, max_target_tokens=4, max_input_tokens=20, task="generation"))
    (tmp_path / "recipe.json").write_text(json.dumps(config.to_dict()))
    data = tmp_path / "rows.csv"
    rows = [f"{'film ' * (40 if row < 3 else 2)}{row},{'good ' * (20 if row < 5 else 1)}" for row in range(20)]
    data.write_text("\n".join(["text,label", *rows]))
    assert main(["train", str(tmp_path / "recipe.json"), "--data", str(data), "--out", str(tmp_path / "out")]) == 0
    assert "3 inputs cut to 20 tokens, 5 targets cut to 4 tokens." in capsys.readouterr().err
