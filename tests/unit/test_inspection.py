"""What can be seen in a prompt: nearest words, the weight of each singular direction, a map."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lamp.backbone.frozen import FrozenBackbone
from lamp.config import LampConfig
from lamp.errors import DataError
from lamp.inference.inspect_prompt import inspect_prompt
from lamp.inference.inspection import read_inspection, write_inspection
from lamp.prompt import LampPrompt
from lamp.training import results
from tests.unit.training import recipe, run

SHAPE = LampConfig(prompt_length=8, rank=4, pooling=2, interactions=1)


@pytest.fixture
def backbone(tiny_llama: Path) -> FrozenBackbone:
    return FrozenBackbone.load(str(tiny_llama), precision="fp32")


def prompt_of(backbone: FrozenBackbone, tokens: list[int]) -> LampPrompt:
    """A prompt whose virtual tokens are the embeddings of these four tokens."""
    rows = backbone.embedding.weight.detach()[[token for token in tokens for _ in range(2)]]
    return LampPrompt.from_matrix(rows, SHAPE)


def test_a_virtual_token_that_is_a_word_is_nearest_to_that_word(backbone: FrozenBackbone) -> None:
    tokens = [number for number in range(20, 60) if number not in backbone.tokenizer.all_special_ids][:4]
    seen = inspect_prompt(backbone, prompt_of(backbone, tokens), None)
    for token, inspected in zip(tokens, seen.tokens, strict=True):
        word, similarity = inspected.after[0]
        assert word == backbone.tokenizer.decode([token]) and similarity == pytest.approx(1, abs=1e-3)
        similar = [similarity for _, similarity in inspected.after]
        assert similar == sorted(similar, reverse=True) and len(similar) == 5
        assert inspected.before == () and inspected.moved == 0


def test_how_far_a_token_moved_is_told_in_its_own_length(backbone: FrozenBackbone) -> None:
    first = prompt_of(backbone, [20, 21, 22, 23])
    doubled = LampPrompt(first.u, 2 * first.q, first.v, first.pooling, first.interactions)
    seen = inspect_prompt(backbone, doubled, first)
    assert [token.moved for token in seen.tokens] == pytest.approx([1.0] * 4, abs=1e-4)
    assert all(token.before == token.after for token in seen.tokens), "only the length has changed"


def test_special_tokens_are_never_named(backbone: FrozenBackbone) -> None:
    special = backbone.tokenizer.all_special_ids[0]
    seen = inspect_prompt(backbone, prompt_of(backbone, [special, 21, 22, 23]), None)
    name = backbone.tokenizer.decode([special])
    assert name not in [word for word, _ in seen.tokens[0].after]


def test_a_directions_weight_is_what_the_prompt_loses_without_it(backbone: FrozenBackbone) -> None:
    torch.manual_seed(0)
    prompt = LampPrompt.from_matrix(torch.randn(8, backbone.hidden_size), replace(SHAPE, pooling=1))
    seen = inspect_prompt(backbone, prompt, None)
    expected = prompt.q / prompt.q.norm()
    assert [one.weight for one in seen.directions] == pytest.approx(expected.tolist(), abs=1e-4)
    assert all(len(one.words) == 5 for one in seen.directions)


def test_the_map_shows_every_token_and_its_words(backbone: FrozenBackbone) -> None:
    seen = inspect_prompt(backbone, prompt_of(backbone, [20, 21, 22, 23]), prompt_of(backbone, [30, 31, 32, 33]))
    kinds = [point.kind for point in seen.points]
    assert (kinds.count("after"), kinds.count("before"), kinds.count("word")) == (4, 4, 4)
    assert 0 < seen.variance <= 1


def test_a_run_is_inspected_and_a_resumed_one_sees_the_same(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    whole, _ = run(recipe(tiny_llama), tiny_table, tmp_path / "whole")
    run(recipe(tiny_llama), tiny_table, tmp_path / "parts", stop_after=7)
    resumed, _ = run(recipe(tiny_llama), tiny_table, tmp_path / "parts")
    assert whole.inspection is not None and whole.inspection == resumed.inspection
    assert len(whole.inspection.tokens) == 4 and all(token.moved > 0 for token in whole.inspection.tokens)
    file = tmp_path / "prompt.json"
    assert read_inspection(file) is None
    write_inspection(whole.inspection, file)
    assert read_inspection(file) == whole.inspection
    file.write_text('{"tokens": 5}')
    with pytest.raises(DataError, match="cannot be read"):
        read_inspection(file)


def test_a_prompt_that_cannot_be_looked_into_is_not_lost(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise torch.OutOfMemoryError

    whole, _ = run(recipe(tiny_llama), tiny_table, tmp_path / "whole")
    monkeypatch.setattr(results, "inspect_prompt", fails)
    result, recorder = run(recipe(tiny_llama), tiny_table, tmp_path / "run")
    assert result.inspection is None and torch.equal(result.virtual_tokens, whole.virtual_tokens)
    assert not result.failure and result.final == whole.final
    assert any("cannot be shown (OutOfMemoryError)" in note for note in recorder.notes)
