"""Prompts that a backbone reads once and then reuses for any number of inputs; a batch may mix several prompts."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import DynamicCache

from lamp.backbone.frozen import FrozenBackbone


@dataclass(frozen=True, eq=False)
class Prefix:
    """A prompt prepared for a backbone; made by `make_prefix`."""

    virtual_tokens: Tensor | None
    """(l', hidden), or None for no prompt; in training also several prompts, (prompts, l', hidden)"""
    cache: DynamicCache | None
    """The prompt's keys and values in every layer, one batch row for each prompt; None for a model that reads the
    prompt together with each input, as encoders do"""


def make_prefix(backbone: FrozenBackbone, virtual_tokens: Tensor | None) -> Prefix:
    """Prepares a prompt (l', hidden), several (prompts, l', hidden), or none; gradients flow through it.

    In a causal model the virtual tokens attend only to each other, so reading them once for all rows gives the same
    result as a copy before every row, for a fraction of the work.
    """
    if backbone.is_encoder_decoder or not backbone.shares_prompts():
        return Prefix(virtual_tokens, None)
    cache = backbone.empty_cache()
    if virtual_tokens is not None:
        embeddings = virtual_tokens.to(backbone.dtype)
        if embeddings.dim() == 2:
            embeddings = embeddings.unsqueeze(0)
        backbone.model.base_model(inputs_embeds=embeddings, past_key_values=cache, use_cache=True)
    return Prefix(virtual_tokens, cache)


@torch.inference_mode()
def inference_prefix(backbone: FrozenBackbone, virtual_tokens: Tensor | None) -> Prefix:
    """Calls `make_prefix` without gradients, for virtual tokens (l', hidden) that may be on another device."""
    return make_prefix(backbone, None if virtual_tokens is None else virtual_tokens.to(backbone.device))


class SharedCache(DynamicCache):
    """Keys and values that several rows of a batch share; it never changes.

    They are those of one prompt, shared by a batch of any size, or of several rows, each shared by equally many
    adjacent rows. The rows' own keys and values are not added to it. So they are copied for one layer at a time only,
    and a layer that runs a second time (lamp/backbone/gradient_checkpointing.py) gets the same input as the first time.
    """

    def __init__(self, cache: DynamicCache) -> None:
        super().__init__()
        self.layers = cache.layers

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        """Returns the shared keys and values of a layer, then the rows' own: each (batch, heads, shared + length,
        width)."""
        layer: Any = self.layers[layer_idx]
        if not layer.is_initialized:
            return key_states, value_states
        times = len(key_states) // len(layer.keys)
        return (
            torch.cat([_repeat(layer.keys, times), key_states], dim=2),
            torch.cat([_repeat(layer.values, times), value_states], dim=2),
        )


def shared_cache(backbone: FrozenBackbone, virtual_tokens: Tensor | None, rows: int) -> tuple[SharedCache, Tensor]:
    """Returns a causal model's cache for `rows` inputs behind virtual tokens, and its mask (rows, l').

    virtual_tokens: of one prompt (l', hidden), or of several (prompts, l', hidden), each for equally many adjacent
    rows; gradients flow through them.
    """
    cache = SharedCache(_cache_of(make_prefix(backbone, virtual_tokens)))
    return cache, torch.ones(rows, cache.get_seq_length(), dtype=torch.long, device=backbone.device)


def batch_cache(backbone: FrozenBackbone, prefixes: Sequence[Prefix]) -> tuple[DynamicCache, Tensor]:
    """Returns one cache of a causal model with a row for each prefix, and its mask (rows, longest prefix).

    Shorter prefixes are padded on the left. A prefix that all rows share is not copied.
    """
    if all(prefix is prefixes[0] for prefix in prefixes):
        cache = repeat_cache(_cache_of(prefixes[0]), len(prefixes))
        return cache, torch.ones(len(prefixes), cache.get_seq_length(), dtype=torch.long, device=backbone.device)
    lengths = [_cache_of(prefix).get_seq_length() for prefix in prefixes]
    longest = max(lengths)
    columns = torch.arange(longest, device=backbone.device)
    mask = (columns >= longest - torch.tensor(lengths, device=backbone.device).unsqueeze(1)).long()
    batch = backbone.empty_cache()
    layers: list[Any] = _cache_of(prefixes[lengths.index(longest)]).layers
    for index in range(len(layers) if longest else 0):
        rows = [_keys_and_values(prefix, index, length) for prefix, length in zip(prefixes, lengths, strict=True)]
        keys, values = zip(*rows, strict=True)  # multi-head latent attention has values of another width than keys
        like = layers[index]
        batch.update(_pad_left(keys, like.keys, longest), _pad_left(values, like.values, longest), index)
    return batch, mask


def repeat_cache(cache: DynamicCache, times: int) -> DynamicCache:
    """Repeats every row of a cache `times` times, copies next to each other; a single row is not copied."""
    repeated = copy(cache)
    repeated.layers = [_repeat_layer(layer, times) for layer in cache.layers]
    return repeated


def longest_prompt(prefixes: Sequence[Prefix]) -> int:
    """Returns the number of virtual tokens of the longest prompt; 0 without any."""
    return max(0 if prefix.virtual_tokens is None else len(prefix.virtual_tokens) for prefix in prefixes)


def join_prefixes(
    backbone: FrozenBackbone, prefixes: Sequence[Prefix], ids: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor]:
    """Puts each row's virtual tokens before its input (rows, length), which is padded on the right.

    Returns embeddings (rows, longest, hidden), padded on the right, and their mask (rows, longest).
    """
    if all(prefix is prefixes[0] for prefix in prefixes):
        return backbone.join(prefixes[0].virtual_tokens, ids, mask)
    rows = [
        backbone.join(prefix.virtual_tokens, row[tokens].unsqueeze(0), row_mask[tokens].unsqueeze(0))[0][0]
        for prefix, row, row_mask, tokens in zip(prefixes, ids, mask, mask.bool(), strict=True)
    ]
    masks = pad_sequence([mask.new_ones(len(row)) for row in rows], batch_first=True)
    return pad_sequence(rows, batch_first=True), masks


def _cache_of(prefix: Prefix) -> DynamicCache:
    if prefix.cache is None:
        raise TypeError("A causal model's prefix has a cache.")
    return prefix.cache


def _keys_and_values(prefix: Prefix, layer_index: int, length: int) -> tuple[Tensor | None, Tensor | None]:
    """Returns keys and values (1, heads, length, width) of a prefix in one layer; None for an empty prefix."""
    if not length:
        return None, None
    layer: Any = _cache_of(prefix).layers[layer_index]
    return layer.keys, layer.values


def _pad_left(rows: Sequence[Tensor | None], like: Tensor, longest: int) -> Tensor:
    """Stacks keys or values (1, heads, length, width) of each row into one tensor (rows, heads, longest, width).

    Shorter rows start with zeros. like: a tensor with the same heads, width, number format and device.
    """
    padded = like.new_zeros(len(rows), like.shape[1], longest, like.shape[3])
    for index, states in enumerate(rows):
        if states is not None:
            padded[index, :, longest - states.shape[2] :] = states[0]
    return padded


def _repeat_layer(layer: Any, times: int) -> Any:
    """Copies a layer with its rows repeated; other state, such as a window layer's token count, stays the same."""
    repeated = copy(layer)
    if layer.is_initialized:
        repeated.keys, repeated.values = _repeat(layer.keys, times), _repeat(layer.values, times)
    return repeated


def _repeat(states: Tensor, times: int) -> Tensor:
    if len(states) == 1:
        return states.expand(times, -1, -1, -1)
    return states.repeat_interleave(times, dim=0)
