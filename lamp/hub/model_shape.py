"""The sizes in a model's config that determine the memory for training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lamp.model_files.text_config import text_config

_LAYERS = ("num_hidden_layers", "num_layers", "n_layer", "n_layers", "encoder_layers")
_DECODER_LAYERS = ("num_decoder_layers", "decoder_layers", "num_hidden_layers", "num_layers")
_FEED_FORWARD = ("shared_intermediate_size", "intermediate_size", "d_ff", "n_inner", "encoder_ffn_dim", "ffn_dim")
_HEADS = ("num_attention_heads", "num_heads", "n_head", "n_heads", "encoder_attention_heads")


@dataclass(frozen=True)
class ModelShape:
    """Layers and widths of a model."""

    layers: int
    """Number of layers; of an encoder-decoder model, those of the encoder."""
    decoder_layers: int
    """0 for a causal model."""
    hidden_size: int
    feed_forward: int
    """Width inside a feed-forward block."""
    heads: int
    vocabulary: int


def model_shape(config: Mapping[str, Any], hidden_size: int, embeddings: int = 0) -> ModelShape:
    """Reads the shape from a config.json.

    A missing number gets its usual value, so that estimates stay possible. embeddings: rows of the stored embedding
    table, 0 if unknown.
    """
    encoder, decoder, text = _part(config, "encoder"), _part(config, "decoder"), text_config(config)
    return ModelShape(
        layers=_first((encoder, text), _LAYERS, 12),
        decoder_layers=_first((decoder, text), _DECODER_LAYERS, 12) if config.get("is_encoder_decoder") else 0,
        hidden_size=hidden_size,
        feed_forward=_first((encoder, text), _FEED_FORWARD, 4 * hidden_size),
        heads=_first((encoder, text), _HEADS, max(1, hidden_size // 64)),
        vocabulary=_first((config, text, decoder), ("vocab_size",), embeddings),
    )


def _part(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Returns the config of a part of the model, or the whole config if the part has none of its own."""
    part = config.get(name)
    return part if isinstance(part, Mapping) else config


def _first(parts: tuple[Mapping[str, Any], ...], keys: tuple[str, ...], otherwise: int) -> int:
    for part in parts:
        for key in keys:
            if isinstance(value := part.get(key), int) and value > 0:
                return value
    return otherwise
