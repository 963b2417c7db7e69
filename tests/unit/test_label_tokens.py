"""Labels that a backbone's tokenizer cannot tell apart, or that are longer than a target may be, are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from app.studio import Studio
from lamp.cli import main
from lamp.config import DataConfig, TuneConfig
from lamp.data.encoding import Encoder
from lamp.errors import DataError
from tests.unit.training import recipe

SAME = "The backbone's tokenizer makes the same tokens of the labels '积极' and '消极', so they cannot be told apart"
LONG = (
    "The label 'very good film' has 4 tokens with its end, more than the longest target (3 tokens), and a label is "
    "never cut: set the longest target to 4 or more."
)


@pytest.fixture(scope="module")
def words(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backbone whose tokenizer knows a few words and makes <unk> of every other one."""
    folder = tmp_path_factory.mktemp("backbones") / "words"
    shutil.copytree(tiny_llama, folder)
    known = ["<pad>", "</s>", "<unk>", ":", "the", "film", "was", "good", "bad", "very", "text", "label", "number"]
    core = Tokenizer(WordLevel({word: number for number, word in enumerate(known)}, unk_token="<unk>"))
    core.pre_tokenizer = Whitespace()
    for file in folder.glob("*token*"):
        file.unlink()
    PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    return folder


def csv_of(folder: Path, labels: Sequence[str]) -> Path:
    file = folder / "rows.csv"
    rows = [
        f"the film number {row} was {'good' * (row % 2)} {row * 7},{labels[row % len(labels)]}" for row in range(40)
    ]
    file.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    return file


def encoder_of(folder: Path, labels: Sequence[str], limit: int, *, encoder_decoder: bool = False) -> Encoder:
    config = DataConfig(("text",), "label", max_target_tokens=limit)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return Encoder(tokenizer, is_encoder_decoder=encoder_decoder, config=config, labels=labels)


@pytest.mark.parametrize("labels", [("积极", "消极"), ("good", "积极", "bad", "消极")])
def test_labels_that_become_the_same_tokens_are_a_problem_of_the_backbone_before_the_start(
    studio: Studio, words: Path, tmp_path: Path, labels: tuple[str, ...]
) -> None:
    dataset = studio.add_dataset(csv_of(tmp_path, labels), "rows.csv").reference
    plan = studio.plan(TuneConfig(str(words), DataConfig(("text",), "label")), dataset)
    (problem,) = plan.problems
    assert problem.startswith(SAME) and plan.fields[problem] == "backbone" and plan.estimate is None


def test_labels_longer_than_a_target_may_be_are_a_problem_before_the_start(
    studio: Studio, words: Path, tmp_path: Path
) -> None:
    dataset = studio.add_dataset(csv_of(tmp_path, ["good", "very good film"]), "rows.csv").reference
    config = TuneConfig(str(words), DataConfig(("text",), "label", max_target_tokens=3))
    assert studio.plan(config, dataset).problems == (LONG,)
    fits = replace(config, data=replace(config.data, max_target_tokens=4))
    assert studio.plan(fits, dataset).problems == ()


@pytest.mark.parametrize("command", ["train", "quote"])
@pytest.mark.parametrize(("labels", "sentence"), [(["积极", "消极"], SAME), (["good", "very good film"], LONG)])
def test_the_command_line_refuses_such_labels_before_anything_is_loaded_or_written(
    command: str,
    labels: list[str],
    sentence: str,
    words: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lamp.backbone.frozen.FrozenBackbone.load", None)
    config = recipe(words)
    config = replace(config, data=replace(config.data, max_target_tokens=3))
    (tmp_path / "recipe.json").write_text(json.dumps(config.to_dict()))
    out = ["--out", str(tmp_path / "out")] if command == "train" else []
    assert main([command, str(tmp_path / "recipe.json"), "--data", str(csv_of(tmp_path, labels)), *out]) == 1
    assert sentence in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("encoder_decoder", [False, True])
def test_the_run_refuses_them_too_where_the_tokenizer_came_with_the_run(words: Path, *, encoder_decoder: bool) -> None:
    with pytest.raises(DataError, match="makes the same tokens of the labels"):
        encoder_of(words, ["积极", "消极"], 64, encoder_decoder=encoder_decoder)
    with pytest.raises(DataError, match="'very good film' has 4 tokens with its end"):
        encoder_of(words, ["good", "very good film"], 3, encoder_decoder=encoder_decoder)
    assert encoder_of(words, ["good", "very good film"], 4, encoder_decoder=encoder_decoder).cut_targets == 0


def test_a_target_has_room_for_a_token_and_its_end() -> None:
    sentence = "The longest target must be between 2 and 8192 tokens, not 1."
    assert DataConfig(("text",), "label", max_target_tokens=1).problems() == [sentence]
