"""Rows that are longer than what a backbone is made for are refused in one sentence, wherever they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BartConfig, BartForConditionalGeneration, GPT2Config, GPT2LMHeadModel

from lamp.backbone.batch import Batch
from lamp.backbone.forward import target_logits
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import make_prefix
from lamp.config import DataConfig
from lamp.data.encoding import Encoder
from lamp.errors import BackboneError
from lamp.inference.generate import generate
from lamp.inference.label_scores import label_log_likelihoods
from lamp.model_files.positions import longest_sequence
from tests.families import save_family
from tests.tiny import save_tokenizer

POSITIONS = 48
CPU = torch.device("cpu")


def tiny(folder: Path, family: str) -> FrozenBackbone:
    """A backbone with few positions."""
    folder.mkdir()
    ids: dict[str, Any] = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 1}
    size: dict[str, Any] = {"vocab_size": save_tokenizer(folder, encoder_decoder=family == "bart"), **ids}
    if family == "gpt2":
        config = GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=POSITIONS, **size)
        GPT2LMHeadModel(config).save_pretrained(folder)
    else:
        layers: dict[str, Any] = {
            "encoder_layers": 1,
            "decoder_layers": 1,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
        }
        more: dict[str, Any] = {"max_position_embeddings": POSITIONS, "decoder_start_token_id": 1}
        BartForConditionalGeneration(BartConfig(d_model=32, **layers, **more, **size)).save_pretrained(folder)
    return FrozenBackbone.load(str(folder), precision="fp32", device=CPU)


def batch(inputs: list[int], targets: list[int]) -> Batch:
    """Rows of these lengths, inputs padded on the left by at least 16."""
    longest = max(inputs) + 16
    mask = torch.tensor([[0] * (longest - length) + [1] * length for length in inputs])
    target_mask = torch.tensor([[1] * length + [0] * (max(targets) - length) for length in targets])
    return Batch(5 * mask, mask, 6 * target_mask, target_mask, target_mask.float())


def test_rows_up_to_the_last_position_are_read_however_they_are_padded(tmp_path: Path) -> None:
    backbone = tiny(tmp_path / "gpt2", "gpt2")
    virtual = torch.zeros(10, backbone.hidden_size)
    assert target_logits(backbone, virtual, batch([POSITIONS - 10 - 3, 2], [4, 2])).shape[:2] == (2, 4)
    with pytest.raises(BackboneError, match=f"takes {POSITIONS + 1} positions with its prompt"):
        target_logits(backbone, virtual, batch([POSITIONS - 10 - 2, 2], [4, 2]))


@pytest.mark.parametrize("family", ["gpt2", "bart"])
def test_scoring_and_answering_beyond_the_last_position_is_refused(family: str, tmp_path: Path) -> None:
    backbone = tiny(tmp_path / family, family)
    config = DataConfig(("text",), "label", max_target_tokens=4)
    encoder = Encoder(backbone.tokenizer, is_encoder_decoder=backbone.is_encoder_decoder, config=config)
    prefixes = [make_prefix(backbone, torch.zeros(10, backbone.hidden_size))]
    with pytest.raises(BackboneError, match="lower the longest input, the longest target or the prompt length"):
        label_log_likelihoods(backbone, prefixes, encoder, [[5] * (POSITIONS - 9)], ["good", "bad"])
    with pytest.raises(BackboneError, match="lower the longest input, the longest target or the prompt length"):
        generate(backbone, prefixes, encoder, [[5] * (POSITIONS - (13 if family == "gpt2" else 9))])
    room = POSITIONS - (14 if family == "gpt2" else 11)
    assert len(generate(backbone, prefixes, encoder, [[5] * room])) == 1


def test_a_target_that_is_longer_than_the_decoder_is_refused(tmp_path: Path) -> None:
    backbone = tiny(tmp_path / "bart", "bart")
    assert target_logits(backbone, None, batch([5], [POSITIONS])).shape[1] == POSITIONS
    with pytest.raises(BackboneError, match=f"takes {POSITIONS + 1} positions, and the decoder"):
        target_logits(backbone, None, batch([5], [POSITIONS + 1]))
    config = DataConfig(("text",), "label", max_target_tokens=POSITIONS + 1)
    encoder = Encoder(backbone.tokenizer, is_encoder_decoder=True, config=config)
    with pytest.raises(BackboneError, match="lower the longest target"):
        generate(backbone, [make_prefix(backbone, None)], encoder, [[5]])


def test_padding_of_an_encoder_takes_no_positions(tmp_path: Path) -> None:
    backbone = tiny(tmp_path / "bart", "bart")
    virtual, rows = torch.zeros(10, backbone.hidden_size), batch([POSITIONS - 10], [4])
    padded_right = Batch(
        rows.input_ids.flip(1), rows.input_mask.flip(1), rows.target_ids, rows.target_mask, rows.target_weights
    )
    trimmed = Batch(
        rows.input_ids[:, 16:], rows.input_mask[:, 16:], rows.target_ids, rows.target_mask, rows.target_weights
    )
    torch.testing.assert_close(
        target_logits(backbone, virtual, padded_right), target_logits(backbone, virtual, trimmed), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize(
    "values, longest",
    [
        ({"index_topk": 64}, 64),
        ({"index_topk_blocks": 16, "index_block_size": 128}, 2048),
        ({"text_config": {"indexer_budget": 1024, "indexer_compress_ratio": 32}}, 1024),
        ({"attention_type": "block_sparse", "num_random_blocks": 3, "block_size": 64}, 704),
        ({"text_config": {"attn_temperature_tuning": True, "floor_scale": 2048}}, 2047),
        ({"log_scaling_n_floor": 1000}, 1000),
        ({"attn_temperature_tuning": False, "floor_scale": 2048}, 4096),
        ({"compress_rates": {"compressed_sparse_attention": 4, "heavily_compressed_attention": 128}}, 4),
    ],
)
def test_rows_end_where_a_model_would_begin_to_compute_by_columns(values: dict[str, Any], longest: int) -> None:
    assert longest_sequence({"max_position_embeddings": 4096, **values}) == longest
    assert longest_sequence({"max_position_embeddings": 32}) == 32


def test_rotary_factors_that_change_with_the_length_end_at_their_first_length(tmp_path: Path) -> None:
    backbone = FrozenBackbone.load(
        str(save_family(tmp_path / "longrope", "phi3, longrope")), precision="fp32", device=CPU
    )
    assert backbone.longest_sequence == 128
    virtual = torch.zeros(10, backbone.hidden_size)
    target_logits(backbone, virtual, batch([128 - 10 - 3], [4]))
    with pytest.raises(BackboneError, match="takes 129 positions"):
        target_logits(backbone, virtual, batch([128 - 10 - 2], [4]))
