"""Where the first prompt comes from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lamp.backbone.frozen import FrozenBackbone
from lamp.config import LampConfig
from lamp.errors import LampError
from lamp.export.saved_prompt import load_prompt, save_prompt
from lamp.initializers import initial_prompt
from lamp.prompt import LampPrompt
from lamp.training.first_prompt import from_trained
from lamp.training.train import train
from tests.unit.training import Recorder, recipe, run, splits_of

INPUTS = [(5, 6, 7), (5, 6, 8), (5, 9)]


@pytest.fixture(scope="module")
def backbone(tiny_llama: Path) -> FrozenBackbone:
    return FrozenBackbone.load(str(tiny_llama), precision="fp32")


def rows_are_embeddings_of(rows: torch.Tensor, tokens: set[int], backbone: FrozenBackbone) -> bool:
    table = backbone.embedding.weight.detach().cpu()
    return all(any(torch.equal(row, table[token]) for token in tokens) for row in rows)


def test_vocabulary_rows_are_embeddings_of_the_inputs_tokens(backbone: FrozenBackbone) -> None:
    rows = initial_prompt(backbone, LampConfig(prompt_length=20, initial="vocabulary"), (), INPUTS, seed=0)
    assert rows.shape == (20, 32)
    assert rows_are_embeddings_of(rows, {5, 6, 7, 8, 9}, backbone)


def test_an_instruction_is_repeated_to_fill_the_prompt(backbone: FrozenBackbone) -> None:
    config = LampConfig(prompt_length=30, initial="text", initial_text="good film")
    ids = backbone.tokenizer("good film", add_special_tokens=False).input_ids
    rows = initial_prompt(backbone, config, (), INPUTS, seed=0)
    wanted = backbone.embedding.weight.detach().cpu()[[ids[i % len(ids)] for i in range(30)]]
    assert torch.equal(rows, wanted)


def test_label_names_start_the_prompt_and_free_text_starts_from_the_vocabulary(backbone: FrozenBackbone) -> None:
    config = LampConfig(prompt_length=20, initial="labels")
    ids = set(backbone.tokenizer("positive, negative", add_special_tokens=False).input_ids)
    labelled = initial_prompt(backbone, config, ("positive", "negative"), INPUTS, seed=0)
    assert rows_are_embeddings_of(labelled, ids, backbone)
    written = initial_prompt(backbone, config, (), INPUTS, seed=0)
    assert rows_are_embeddings_of(written, {5, 6, 7, 8, 9}, backbone)


@pytest.fixture(scope="module")
def exported(tiny_llama: Path, tiny_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    config = recipe(tiny_llama)
    result, _ = run(config, tiny_table, folder / "checkpoints")
    save_prompt(result, config, folder)
    return folder


def test_a_trained_prompt_is_what_the_next_run_starts_from(
    exported: Path, tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    config = recipe(tiny_llama, steps=1, learning_rate=1e-9)
    config = replace(config, lamp=replace(config.lamp, initial="prompt", initial_prompt="the run before"))
    result = train(config, splits_of(config, tiny_table), Recorder(), tmp_path, trained_prompt=exported)
    torch.testing.assert_close(result.virtual_tokens, load_prompt(exported).virtual_tokens, atol=1e-6, rtol=0)


def test_a_run_goes_on_from_its_checkpoint_when_the_prompt_it_started_from_is_gone(
    exported: Path, tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    config = recipe(tiny_llama)
    config = replace(config, lamp=replace(config.lamp, initial="prompt", initial_prompt="the run before"))
    splits = splits_of(config, tiny_table)
    whole = Recorder()
    train(config, splits, whole, tmp_path / "whole", trained_prompt=exported)
    first, second = Recorder(stop_after=7), Recorder()
    train(config, splits, first, tmp_path / "halved", trained_prompt=exported)
    train(config, splits, second, tmp_path / "halved", trained_prompt=None)
    assert {**first.losses, **second.losses} == whole.losses
    with pytest.raises(LampError, match=r"^The prompt to start from is not there any more: choose another one\.$"):
        train(config, splits, Recorder(), tmp_path / "anew", trained_prompt=None)


def test_a_trained_prompt_may_be_pooled_and_mixed_otherwise(exported: Path, backbone: FrozenBackbone) -> None:
    made = from_trained(backbone, LampConfig(prompt_length=20, rank=4, pooling=2, interactions=1), exported)
    assert isinstance(made, LampPrompt) and made().shape == (10, 32)


@pytest.mark.parametrize(
    "config, sentence",
    [
        (
            LampConfig(prompt_length=100, rank=8),
            "has 20 tokens of rank 4: set the prompt length to 20 and the rank to 4.",
        ),
        (
            LampConfig(prompt_length=20, rank=8),
            "has 20 tokens of rank 4: set the prompt length to 20 and the rank to 4.",
        ),
    ],
)
def test_a_trained_prompt_of_another_shape_is_one_sentence(
    exported: Path, backbone: FrozenBackbone, config: LampConfig, sentence: str
) -> None:
    with pytest.raises(LampError) as raised:
        from_trained(backbone, config, exported)
    assert str(raised.value).endswith(sentence)


def test_a_folder_without_factors_is_one_sentence(backbone: FrozenBackbone, tmp_path: Path) -> None:
    with pytest.raises(LampError, match="holds no factors that can be read: choose another one"):
        from_trained(backbone, LampConfig(), tmp_path)
    (tmp_path / "lamp_factors.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(LampError, match="holds no factors that can be read: choose another one"):
        from_trained(backbone, LampConfig(), tmp_path)
