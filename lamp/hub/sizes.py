"""The sizes of a backbone's blocks, from its config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lamp.text_config import text_config

_LAYERS = ("num_hidden_layers", "num_layers", "n_layer", "n_layers", "encoder_layers")
_DECODER_LAYERS = ("num_decoder_layers", "decoder_layers")
_HEADS = ("num_attention_heads", "num_heads", "n_head", "encoder_attention_heads")
_INNER = ("intermediate_size", "d_ff", "n_inner", "ffn_dim", "encoder_ffn_dim")


@dataclass(frozen=True)
class Sizes:
    """What the memory of a training step is calculated from, beside the hidden size."""

    layers: int
    """Blocks, those of encoder and decoder together."""
    heads: int
    """Attention heads of a block."""
    inner: int
    """Width of a block's feed-forward layer."""
    vocabulary: int
    """How many tokens the logits of a position tell apart."""


def sizes_of(config: Mapping[str, Any], hidden_size: int, embeddings: int | None = None) -> Sizes:
    """The sizes that config.json gives; those of a common model in place of what it leaves out.

    embeddings: rows of the stored embedding table, where there is one.
    """
    text = text_config(config)
    layers = _first(text, _LAYERS, 24)
    if config.get("is_encoder_decoder"):
        layers += _first(text, _DECODER_LAYERS, layers)
    return Sizes(
        layers=layers,
        heads=_first(text, _HEADS, max(1, hidden_size // 64)),
        inner=_first(text, _INNER, 4 * hidden_size),
        vocabulary=_first(text, ("vocab_size",), embeddings or 50_000),
    )


def _first(config: Mapping[str, Any], keys: tuple[str, ...], default: int) -> int:
    return next((config[key] for key in keys if isinstance(config.get(key), int) and config[key] > 0), default)
