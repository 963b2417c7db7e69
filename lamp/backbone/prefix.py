"""Prompts made ready for a backbone: each is read once, then stands before any number of inputs, also in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import DynamicCache

from lamp.backbone.frozen import FrozenBackbone


@dataclass(frozen=True, eq=False)
class Prefix:
    """What a backbone reads before an input; made by `make_prefix`."""

    virtual_tokens: Tensor | None
    """(l', hidden), or None for no prompt at all"""
    cache: DynamicCache | None
    """Its keys and values in every layer, for a batch of one; None for an encoder, which reads it with each input"""


def make_prefix(backbone: FrozenBackbone, virtual_tokens: Tensor | None) -> Prefix:
    """A prompt (l', hidden), or None for the backbone alone, ready to be put before inputs.

    In a causal model the virtual tokens see nothing but each other, so they are read once however many rows follow:
    the same numbers as with a copy before every row, at a fraction of the work. Gradients flow through it.
    """
    if backbone.is_encoder_decoder:
        return Prefix(virtual_tokens, None)
    cache = DynamicCache(config=backbone.model.config)
    if virtual_tokens is not None:
        embeddings = virtual_tokens.to(backbone.dtype).unsqueeze(0)
        backbone.model.base_model(inputs_embeds=embeddings, past_key_values=cache, use_cache=True)
    return Prefix(virtual_tokens, cache)


@torch.inference_mode()
def inference_prefix(backbone: FrozenBackbone, virtual_tokens: Tensor | None) -> Prefix:
    """`make_prefix` without gradients, for virtual tokens (l', hidden) that may lie on another device."""
    return make_prefix(backbone, None if virtual_tokens is None else virtual_tokens.to(backbone.device))


class SharedCache(DynamicCache):
    """One prompt's keys and values before every row of a batch, whatever its size.

    Reading behind it adds nothing to it. So it need not be copied for each row, and a layer that is read a second time
    (lamp/backbone/gradient_checkpointing.py) finds what it found the first time.
    """

    def __init__(self, cache: DynamicCache) -> None:
        super().__init__()
        self.layers = cache.layers

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        """The prompt's keys and values in a layer, then the rows' own: each (batch, heads, l' + length, width)."""
        layer: Any = self.layers[layer_idx]
        if not layer.is_initialized:
            return key_states, value_states
        rows = len(key_states)
        return (
            torch.cat([layer.keys.expand(rows, -1, -1, -1), key_states], dim=2),
            torch.cat([layer.values.expand(rows, -1, -1, -1), value_states], dim=2),
        )


def shared_cache(backbone: FrozenBackbone, virtual_tokens: Tensor | None, rows: int) -> tuple[SharedCache, Tensor]:
    """A causal model's cache for `rows` inputs behind one prompt (l', hidden), and its mask (rows, l').

    It is only ever read, and gradients flow through it.
    """
    cache = SharedCache(_cache(make_prefix(backbone, virtual_tokens)))
    return cache, torch.ones(rows, cache.get_seq_length(), dtype=torch.long, device=backbone.device)


def batch_cache(backbone: FrozenBackbone, prefixes: Sequence[Prefix]) -> tuple[DynamicCache, Tensor]:
    """One cache with a row for each prefix of a causal model, and its mask (rows, longest).

    A shorter prefix is padded on the left. Where all rows have the same one, it is not copied.
    """
    if all(prefix is prefixes[0] for prefix in prefixes):
        cache = repeat_cache(backbone, _cache(prefixes[0]), len(prefixes))
        return cache, torch.ones(len(prefixes), cache.get_seq_length(), dtype=torch.long, device=backbone.device)
    lengths = [_cache(prefix).get_seq_length() for prefix in prefixes]
    longest = max(lengths)
    columns = torch.arange(longest, device=backbone.device)
    mask = (columns >= longest - torch.tensor(lengths, device=backbone.device).unsqueeze(1)).long()
    whole = DynamicCache(config=backbone.model.config)
    layers: list[Any] = _cache(prefixes[lengths.index(longest)]).layers
    for number in range(len(layers) if longest else 0):
        rows = [_row(prefix, number, length) for prefix, length in zip(prefixes, lengths, strict=True)]
        keys, values = (_padded(states, layers[number].keys, longest) for states in zip(*rows, strict=True))
        whole.update(keys, values, number)
    return whole, mask


def repeat_cache(backbone: FrozenBackbone, cache: DynamicCache, times: int) -> DynamicCache:
    """A cache in which every row stands `times` times in a row; a batch of one is not copied."""
    repeated = DynamicCache(config=backbone.model.config)
    layers: list[Any] = cache.layers
    for number, layer in enumerate(layers):
        if layer.is_initialized:
            keys, values = _repeat(layer.keys, times), _repeat(layer.values, times)
            repeated.update(keys, values, number)
    return repeated


def join_prefixes(
    backbone: FrozenBackbone, prefixes: Sequence[Prefix], ids: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor]:
    """Each row's virtual tokens and then its input (rows, length), padded on the right: embeddings and mask."""
    if all(prefix is prefixes[0] for prefix in prefixes):
        joined = backbone.join(prefixes[0].virtual_tokens, ids, mask)
        return joined.embeddings, joined.mask
    rows = [
        backbone.join(
            prefix.virtual_tokens, row[kept].unsqueeze(0), mask[:1, :1].expand(1, int(kept.sum()))
        ).embeddings[0]
        for prefix, row, kept in zip(prefixes, ids, mask.bool(), strict=True)
    ]
    masks = pad_sequence([mask.new_ones(len(row)) for row in rows], batch_first=True)
    return pad_sequence(rows, batch_first=True), masks


def _cache(prefix: Prefix) -> DynamicCache:
    if prefix.cache is None:
        raise TypeError("A causal model's prefix has a cache.")
    return prefix.cache


def _row(prefix: Prefix, layer: int, length: int) -> tuple[Tensor | None, Tensor | None]:
    if not length:
        return None, None
    held: Any = _cache(prefix).layers[layer]
    return held.keys, held.values


def _padded(rows: Sequence[Tensor | None], like: Tensor, longest: int) -> Tensor:
    """Keys or values (1, heads, length, width) of each row as one tensor, zeros before the shorter ones."""
    whole = like.new_zeros(len(rows), like.shape[1], longest, like.shape[3])
    for number, states in enumerate(rows):
        if states is not None:
            whole[number, :, longest - states.shape[2] :] = states[0]
    return whole


def _repeat(states: Tensor, times: int) -> Tensor:
    if len(states) == 1:
        return states.expand(times, -1, -1, -1)
    return states.repeat_interleave(times, dim=0)
