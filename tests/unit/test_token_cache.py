"""Texts are turned into token ids once, and found again by what the ids follow from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lamp.backbone.frozen import FrozenBackbone
from lamp.config import DataConfig
from lamp.data.encoding import Encoder
from lamp.data.splits import Example
from lamp.data.token_cache import encode_cached
from lamp.training.train import train
from tests.unit.training import Recorder, recipe, splits_of

DATA = DataConfig(("text",), "label", max_input_tokens=12)
ROWS = [
    Example("the film was good", "positive", ""),
    Example("a very dull plot " * 9, "negative", ""),
    Example("", "very good ending", ""),
]


@pytest.fixture
def backbone(tiny_llama: Path) -> FrozenBackbone:
    return FrozenBackbone.load(str(tiny_llama), precision="fp32")


def encoder(backbone: FrozenBackbone, config: DataConfig = DATA) -> Encoder:
    return Encoder(backbone.tokenizer, is_encoder_decoder=False, config=config)


def test_the_second_time_the_ids_come_from_the_folder_with_the_count_of_what_was_cut(
    backbone: FrozenBackbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = replace(DATA, max_target_tokens=3)
    first = encoder(backbone, short)
    rows = encode_cached(first, ROWS, tmp_path)
    assert rows == encoder(backbone, short).encode(ROWS)
    second = encoder(backbone, short)
    monkeypatch.setattr(Encoder, "encode", lambda *_: pytest.fail("tokenized again"))
    assert encode_cached(second, ROWS, tmp_path) == rows
    assert second.truncated == first.truncated == 1
    assert second.cut_targets == first.cut_targets == 1
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"max_input_tokens": 13},
        {"max_target_tokens": 2},
    ],
)
def test_another_limit_is_another_encoding(backbone: FrozenBackbone, tmp_path: Path, changes: dict[str, int]) -> None:
    encode_cached(encoder(backbone), ROWS, tmp_path)
    other = encoder(backbone, replace(DATA, **changes))  # type: ignore[arg-type]  # whole numbers all
    assert encode_cached(other, ROWS, tmp_path) == encoder(backbone, replace(DATA, **changes)).encode(ROWS)  # type: ignore[arg-type]
    assert len(list(tmp_path.iterdir())) == 2


def test_other_texts_are_another_encoding_also_when_they_run_into_each_other(
    backbone: FrozenBackbone, tmp_path: Path
) -> None:
    encode_cached(encoder(backbone), [Example("good film", "a", "")], tmp_path)
    other = [Example("good", " filma", "")]
    assert encode_cached(encoder(backbone), other, tmp_path) == encoder(backbone).encode(other)


@pytest.mark.parametrize("content", [b"", b"{", b"\x08" + b"\x00" * 7 + b"{}      "])
def test_what_cannot_be_read_is_made_again(backbone: FrozenBackbone, tmp_path: Path, content: bytes) -> None:
    rows = encode_cached(encoder(backbone), ROWS, tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(content)
    assert encode_cached(encoder(backbone), ROWS, tmp_path) == rows
    assert file.read_bytes() == whole


def test_a_folder_that_cannot_be_written_is_no_reason_to_fail(backbone: FrozenBackbone, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert encode_cached(encoder(backbone), ROWS, tmp_path / "file") == encoder(backbone).encode(ROWS)


def test_a_run_from_kept_ids_is_the_run_that_made_them(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    config, losses = recipe(tiny_llama), []
    for name in ("first", "second"):
        recorder = Recorder()
        train(config, splits_of(config, tiny_table), recorder, tmp_path / name, tokens=tmp_path / "tokens")
        losses.append(recorder.losses)
    assert losses[0] == losses[1]
    assert len(list((tmp_path / "tokens").iterdir())) == 3
