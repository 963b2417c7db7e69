"""Before a run it is told how many inputs are too long, and that is what the run then cuts."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from lamp.config import DataConfig
from lamp.data import truncation
from lamp.data.encoding import Encoder
from lamp.data.splits import Example
from lamp.data.truncation import Cut, Truncation, count_cut_targets, count_truncated, cut_input
from lamp.hub.backbone_files import tokenizer_file


def examples(texts: list[str]) -> list[Example]:
    """Rows that have these texts as input and as target."""
    return [Example(text, text, "") for text in texts]


def test_as_many_inputs_are_counted_as_the_encoder_cuts(tiny_llama: Path, tiny_t5: Path) -> None:
    texts = ["the film was good " * times for times in range(1, 30)]
    for backbone, encoder_decoder in ((tiny_llama, False), (tiny_t5, True)):
        encoder = Encoder(
            AutoTokenizer.from_pretrained(backbone),
            is_encoder_decoder=encoder_decoder,
            config=DataConfig(max_input_tokens=40),
        )
        encoder.inputs(texts, [""] * len(texts))
        assert 0 < encoder.truncated < len(texts)
        assert count_truncated(backbone / "tokenizer.json", examples(texts), 40) == Truncation(
            encoder.truncated, exact=True
        )


@pytest.mark.parametrize("suffix", ["", "\nlabel:"])
def test_what_is_shown_of_a_long_input_is_what_the_encoder_keeps(tiny_llama: Path, tiny_t5: Path, suffix: str) -> None:
    for backbone, encoder_decoder in ((tiny_llama, False), (tiny_t5, True)):
        tokenizer = AutoTokenizer.from_pretrained(backbone)
        encoder = Encoder(tokenizer, is_encoder_decoder=encoder_decoder, config=DataConfig(max_input_tokens=40))
        example = Example("the film was good and long " * 30 + suffix, "", suffix)
        cut = cut_input(backbone / "tokenizer.json", example, 40)
        assert cut.head + cut.middle + cut.tail == example.text and cut.middle
        (kept,) = encoder.inputs([example.text], [suffix])
        read = tokenizer.decode(list(kept), skip_special_tokens=True)
        assert "".join(read.split()) == "".join((cut.head + cut.tail).split())
        short = Example("a good film" + suffix, "", suffix)
        assert cut_input(backbone / "tokenizer.json", short, 40) == Cut(short.text, "", "")


def test_an_input_is_shown_whole_where_its_tokens_cannot_be_counted(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("no tokenizer")
    assert cut_input(tmp_path / "tokenizer.json", Example("a text", "", ""), 1) == Cut("a text", "", "")


def test_as_many_targets_are_counted_as_the_encoder_cuts(tiny_llama: Path, tiny_t5: Path) -> None:
    targets = ["the film was good " * times for times in range(1, 30)]
    for backbone, encoder_decoder in ((tiny_llama, False), (tiny_t5, True)):
        encoder = Encoder(
            AutoTokenizer.from_pretrained(backbone), is_encoder_decoder=encoder_decoder, config=DataConfig()
        )
        limit = encoder.config.max_target_tokens
        cut = sum(len(ids) >= limit for ids in encoder.continuations(targets))
        assert 0 < cut < len(targets)
        assert count_cut_targets(backbone / "tokenizer.json", examples(targets), limit) == Truncation(cut, exact=True)


def test_of_very_many_inputs_some_are_counted_and_the_number_is_scaled_up(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(truncation, "MOST_COUNTED", 10)
    texts = ["good", "good film " * 50] * 100
    estimated = count_truncated(tiny_llama / "tokenizer.json", examples(["good film " * 50] * 95), 40)
    assert estimated == Truncation(95, exact=False)
    assert count_truncated(tiny_llama / "tokenizer.json", examples(texts[:10]), 40) == Truncation(5, exact=True)


def test_nothing_is_said_where_there_is_no_tokenizer_on_this_machine_or_a_damaged_one(tmp_path: Path) -> None:
    assert tokenizer_file(str(tmp_path)) is None
    assert tokenizer_file("nobody/has-this-model") is None
    damaged = tmp_path / "tokenizer.json"
    damaged.write_text("{}")
    assert count_truncated(damaged, examples(["text"]), 40) is None
