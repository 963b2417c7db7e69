"""Where the first prompt comes from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lamp.backbone import FrozenBackbone
from lamp.config import LampConfig
from lamp.initializers import initial_prompt

INPUTS = [(5, 6, 7), (5, 6, 8), (5, 9)]


@pytest.fixture(scope="module")
def backbone(tiny_llama: Path) -> FrozenBackbone:
    return FrozenBackbone.load(str(tiny_llama), precision="fp32")


def rows_are_embeddings_of(rows: torch.Tensor, tokens: set[int], backbone: FrozenBackbone) -> bool:
    table = backbone.embedding.weight.detach()
    return all(any(torch.equal(row, table[token]) for token in tokens) for row in rows)


def test_vocabulary_rows_are_embeddings_of_the_inputs_tokens(backbone: FrozenBackbone) -> None:
    rows = initial_prompt(backbone, LampConfig(prompt_length=20, initial="vocabulary"), (), INPUTS, seed=0)
    assert rows.shape == (20, 32)
    assert rows_are_embeddings_of(rows, {5, 6, 7, 8, 9}, backbone)


def test_an_instruction_is_repeated_to_fill_the_prompt(backbone: FrozenBackbone) -> None:
    config = LampConfig(prompt_length=30, initial="text", initial_text="good film")
    ids = backbone.tokenizer("good film", add_special_tokens=False).input_ids
    rows = initial_prompt(backbone, config, (), INPUTS, seed=0)
    wanted = backbone.embedding.weight.detach()[[ids[i % len(ids)] for i in range(30)]]
    assert torch.equal(rows, wanted)


def test_label_names_start_the_prompt_and_free_text_starts_from_the_vocabulary(backbone: FrozenBackbone) -> None:
    config = LampConfig(prompt_length=20, initial="labels")
    ids = set(backbone.tokenizer("positive, negative", add_special_tokens=False).input_ids)
    labelled = initial_prompt(backbone, config, ("positive", "negative"), INPUTS, seed=0)
    assert rows_are_embeddings_of(labelled, ids, backbone)
    written = initial_prompt(backbone, config, (), INPUTS, seed=0)
    assert rows_are_embeddings_of(written, {5, 6, 7, 8, 9}, backbone)
