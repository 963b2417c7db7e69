"""The longest sequence that a model can read, from its config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lamp.model_files.text_config import text_config

_COLUMN_KEYS = ("index_topk", "keep_window_size", "indexer_budget", "log_scaling_n_floor")
"""How many tokens sparse attention chooses, and from how many columns on Inkling sharpens its attention."""
_LIMIT_KEYS = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length", *_COLUMN_KEYS)
_DECODER_KEYS = ("max_decoder_position_embeddings", "max_position_embeddings")
_ENCODER_KEYS = ("max_encoder_position_embeddings", "max_position_embeddings")
_ROTARY_KEYS = ("rope_parameters", "rope_scaling")


def longest_sequence(config: Mapping[str, Any]) -> int | None:
    """Returns the positions for prompt, input and target together, or for prompt and input of an encoder; None without
    a limit.

    Rotary embeddings with one set of factors for short and another for long sequences ("longrope") are limited to the
    first set: beyond it, one long row would change the rotation of every other row in its batch, and a prompt that was
    read before would keep the first rotation. Sparse attention is limited to the length at which it starts to choose or
    compress tokens or blocks, and Llama 4 to that at which it starts to count columns. config: the content of
    config.json.
    """
    if config.get("is_encoder_decoder"):  # T5's n_positions is no limit: its positions are relative
        return min([*_first(text_config(config), _ENCODER_KEYS), *_column_lengths(config)], default=None)
    text = text_config(config)
    limits = [text[key] for key in _LIMIT_KEYS if _is_length(text.get(key))]
    return min([*limits, *_first_lengths(text), *_column_lengths(text)], default=None)


def longest_target(config: Mapping[str, Any]) -> int | None:
    """Returns the positions for a target in the decoder of an encoder-decoder model; None without a limit."""
    decoder = config["decoder"] if isinstance(config.get("decoder"), Mapping) else config
    return min(_first(decoder, _DECODER_KEYS), default=None)


def _first(config: Mapping[str, Any], keys: Sequence[str]) -> list[int]:
    """Returns the length under the first key that has one; empty without any."""
    return [config[key] for key in keys if _is_length(config.get(key))][:1]


def _first_lengths(config: Mapping[str, Any]) -> Iterator[int]:
    """Yields the length up to which each "longrope" embedding uses its first factors."""
    for key in _ROTARY_KEYS:
        rotary = config.get(key)
        if not isinstance(rotary, Mapping):
            continue
        for settings in (rotary, *(part for part in rotary.values() if isinstance(part, Mapping))):
            if (settings.get("rope_type") or settings.get("type")) in ("longrope", "su"):
                name = "original_max_position_embeddings"
                length: Any = settings.get(name) or config.get(name)
                if _is_length(length):
                    yield length


def _column_lengths(config: Mapping[str, Any]) -> Iterator[int]:
    """Yields the lengths up to which a row is read the same at any column of a batch, whatever its padding.

    Beyond, sparse attention chooses or compresses blocks of columns, and Llama 4 sharpens its attention by columns.
    """
    scale = config.get("floor_scale", 0)
    if config.get("attn_temperature_tuning") and _is_length(scale):
        yield scale - 1
    if config.get("attention_type") == "block_sparse":  # BigBird
        blocks, size = config.get("num_random_blocks", 3), config.get("block_size", 64)
        if _is_length(blocks) and _is_length(size):
            yield (5 + 2 * blocks) * size
    chosen, size = config.get("index_topk_blocks", 0), config.get("index_block_size", 0)
    if _is_length(chosen) and _is_length(size):
        yield chosen * size
    rates = config.get("compress_rates")
    if isinstance(rates, Mapping):
        yield from (rate for rate in rates.values() if _is_length(rate))


def _is_length(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**9
