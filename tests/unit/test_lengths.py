"""Before a run it is told how many inputs are too long, and that is what the run then cuts."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from lamp import lengths
from lamp.config import DataConfig
from lamp.encoding import Encoder
from lamp.lengths import TooLong, too_long


def test_as_many_inputs_are_counted_as_the_encoder_cuts(tiny_llama: Path, tiny_t5: Path) -> None:
    texts = ["the film was good " * times for times in range(1, 30)]
    for backbone, encoder_decoder in ((tiny_llama, False), (tiny_t5, True)):
        encoder = Encoder(AutoTokenizer.from_pretrained(backbone), is_encoder_decoder=encoder_decoder,
                          config=DataConfig(max_input_tokens=40))
        encoder.inputs(texts, [""] * len(texts))
        assert 0 < encoder.truncated < len(texts)
        assert too_long(str(backbone), texts, 40) == TooLong(encoder.truncated, exact=True)


def test_of_very_many_inputs_some_are_counted_and_the_number_is_scaled_up(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lengths, "MOST_COUNTED", 10)
    texts = ["good", "good film " * 50] * 100
    found = too_long(str(tiny_llama), ["good film " * 50] * 95, 40)
    assert found == TooLong(95, exact=False)
    assert too_long(str(tiny_llama), texts[:10], 40) == TooLong(5, exact=True)


def test_nothing_is_said_where_there_is_no_tokenizer_on_this_machine_or_a_damaged_one(tmp_path: Path) -> None:
    assert too_long(str(tmp_path), ["text"], 40) is None
    (tmp_path / "tokenizer.json").write_text("{}")
    assert too_long(str(tmp_path), ["text"], 40) is None
    assert too_long("nobody/has-this-model", ["text"], 40) is None
