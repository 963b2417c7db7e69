"""A batch of answers in progress, one row each, which rows can join and leave between two steps.

Rows of different length share one cache: the shorter ones are padded on the left, the mask hides the padding, and
positions do not count it. So a row's logits are the same as when it is alone. Families that count a decoder's positions
by columns are not exact in this way; `lamp.backbone.rows_probe` finds out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import DynamicCache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput

from lamp.backbone.forward import continue_logits, encode
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import Prefix, batch_cache


@dataclass(frozen=True, eq=False)
class Rows:
    """The state of a model after reading the tokens of each row."""

    cache: Any
    """A DynamicCache, or an EncoderDecoderCache"""
    mask: Tensor
    """(rows, columns), 1 where there is a token; of an encoder-decoder model's decoder"""
    memory: Tensor | None = None
    """(rows, longest input, hidden), an encoder's states, padded on the right; None for a causal model"""
    memory_mask: Tensor | None = None
    """(rows, longest input)"""


def begin_rows(backbone: FrozenBackbone, prefixes: Sequence[Prefix], ids: Tensor, mask: Tensor) -> tuple[Rows, Tensor]:
    """Reads inputs (rows, length) behind prompts; returns the rows and the logits of their first tokens (rows,
    vocabulary)."""
    if backbone.is_encoder_decoder:
        memory, memory_mask = encode(backbone, prefixes, ids, mask)
        rows = Rows(backbone.empty_cache(), memory_mask[:, :0], memory, memory_mask)
        return read_token(backbone, rows, ids.new_full((len(ids),), backbone.decoder_start_id))
    cache, prefix_mask = batch_cache(backbone, prefixes)
    mask = torch.cat([prefix_mask, mask], dim=1)
    return Rows(cache, mask), continue_logits(backbone, cache, ids, mask, logits_to_keep=1)[:, 0]


def read_token(backbone: FrozenBackbone, rows: Rows, tokens: Tensor) -> tuple[Rows, Tensor]:
    """Reads one more token of each row (rows,); returns the rows and the next logits (rows, vocabulary).

    The cache of the given rows cannot be used afterwards.
    """
    mask = torch.cat([rows.mask, rows.mask.new_ones(len(tokens), 1)], dim=1)
    ids = tokens.unsqueeze(1)
    if rows.memory is None:
        logits = continue_logits(backbone, rows.cache, ids, mask, logits_to_keep=1)
    else:
        logits = backbone.logits(
            1,
            encoder_outputs=BaseModelOutput(last_hidden_state=rows.memory),
            attention_mask=rows.memory_mask,
            decoder_input_ids=ids,
            decoder_attention_mask=mask,
            past_key_values=rows.cache,
            use_cache=True,
        )
    return replace(rows, mask=mask), logits[:, 0]


def join_rows(backbone: FrozenBackbone, first: Rows, second: Rows) -> Rows:
    """Combines the rows of both into one batch."""
    both = (first, second)
    columns = max(rows.mask.shape[1] for rows in both)
    mask = torch.cat([_padded_left(rows.mask, columns, 1) for rows in both])

    def own(states: Sequence[Tensor]) -> Tensor:
        return torch.cat([_padded_left(state, columns, 2) for state in states])

    if first.memory is None or second.memory is None:
        return Rows(_filled(backbone.empty_cache(), [rows.cache for rows in both], own), mask)
    longest = max(rows.memory.shape[1] for rows in both if rows.memory is not None)
    memory, memory_mask = (
        torch.cat([_padded_right(part, longest, 1) for part in parts])
        for parts in ((first.memory, second.memory), (first.memory_mask, second.memory_mask))
    )
    empty = backbone.empty_cache()
    decoder = _filled(empty.self_attention_cache, [rows.cache.self_attention_cache for rows in both], own)
    crossing = _filled(
        empty.cross_attention_cache,
        [rows.cache.cross_attention_cache for rows in both],
        lambda states: torch.cat([_padded_right(state, longest, 2) for state in states]),
    )
    return Rows(EncoderDecoderCache(decoder, crossing), mask, memory, memory_mask)


def keep_rows(backbone: FrozenBackbone, rows: Rows, indices: Sequence[int]) -> Rows:
    """Returns only these rows, without the columns that are padding in all of them."""
    kept = torch.tensor(indices, device=rows.mask.device)
    mask = rows.mask[kept]
    first = int(mask.any(dim=0).int().argmax())

    def own(states: Sequence[Tensor]) -> Tensor:
        return states[0][kept, :, first:]

    if rows.memory is None or rows.memory_mask is None:
        return Rows(_filled(backbone.empty_cache(), [rows.cache], own), mask[:, first:])
    longest = int(rows.memory_mask[kept].sum(dim=1).max())
    empty, cache = backbone.empty_cache(), rows.cache
    decoder = _filled(empty.self_attention_cache, [cache.self_attention_cache], own)
    crossing = _filled(
        empty.cross_attention_cache, [cache.cross_attention_cache], lambda states: states[0][kept, :, :longest]
    )
    memory, memory_mask = rows.memory[kept, :longest], rows.memory_mask[kept, :longest]
    return Rows(EncoderDecoderCache(decoder, crossing), mask[:, first:], memory, memory_mask)


def _filled(
    cache: DynamicCache, caches: Sequence[DynamicCache], combine: Callable[[Sequence[Tensor]], Tensor]
) -> DynamicCache:
    """The empty cache with what some caches hold.

    combine: makes a layer's keys, or values, (rows, heads, columns, width), out of those of the same layer in each.
    """
    for index, together in enumerate(zip(*(filled.layers for filled in caches), strict=True)):
        layers: Sequence[Any] = together
        if layers[0].is_initialized:  # some families have layers that use another one's keys and values
            cache.update(combine([layer.keys for layer in layers]), combine([layer.values for layer in layers]), index)
    return cache


def _padded_left(states: Tensor, length: int, dim: int) -> Tensor:
    return pad(states, (0, 0) * (states.dim() - 1 - dim) + (length - states.shape[dim], 0))


def _padded_right(states: Tensor | None, length: int, dim: int) -> Tensor:
    assert states is not None
    return pad(states, (0, 0) * (states.dim() - 1 - dim) + (0, length - states.shape[dim]))
