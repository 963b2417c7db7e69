"""Reads inputs behind prompts, one for each input, and then any number of token sequences behind each input."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lamp.backbone.forward import continue_logits, decoder_logits, encode
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.left_padded import join_left_padded, left_padded_logits
from lamp.backbone.prefix import Prefix, SharedCache, batch_cache, longest_prompt

ReadOn = Callable[[Tensor, Tensor], Tensor]
"""Reads token sequences behind every input of a batch: ids and mask, both (reads, longest), to the logits after each
token, (batch x reads, longest, vocabulary)."""


def read_inputs(
    backbone: FrozenBackbone, prefixes: Sequence[Prefix], ids: Tensor, mask: Tensor, longest_read: int
) -> tuple[Tensor, ReadOn]:
    """Reads inputs (batch, length); returns the logits after each, (batch, vocabulary), and a function that reads on.

    longest_read: the most tokens of a sequence that will be read behind an input.
    """
    if backbone.is_encoder_decoder:
        return _encoded(backbone, prefixes, ids, mask)
    if backbone.shares_prompts(longest_prompt(prefixes) + ids.shape[1] + longest_read):
        return _cached(backbone, prefixes, ids, mask)
    return _left_padded(backbone, prefixes, ids, mask)


def _cached(backbone: FrozenBackbone, prefixes: Sequence[Prefix], ids: Tensor, mask: Tensor) -> tuple[Tensor, ReadOn]:
    cache, prefix_mask = batch_cache(backbone, prefixes)
    full_mask = torch.cat([prefix_mask, mask], dim=1)
    first = continue_logits(backbone, cache, ids, full_mask, logits_to_keep=1)[:, 0]
    shared = SharedCache(cache)

    def read_on(read_ids: Tensor, read_mask: Tensor) -> Tensor:
        reads, longest = read_ids.shape
        rows_mask = torch.cat([full_mask.repeat_interleave(reads, 0), read_mask.repeat(len(ids), 1)], dim=1)
        return continue_logits(backbone, shared, read_ids.repeat(len(ids), 1), rows_mask, logits_to_keep=longest)

    return first, read_on


def _left_padded(
    backbone: FrozenBackbone, prefixes: Sequence[Prefix], ids: Tensor, mask: Tensor
) -> tuple[Tensor, ReadOn]:
    embeddings, mask = join_left_padded(backbone, [prefix.virtual_tokens for prefix in prefixes], ids, mask)
    nothing = ids[:, :0]
    first = left_padded_logits(backbone, embeddings, mask, nothing, nothing, logits_to_keep=1)[:, 0]

    def read_on(read_ids: Tensor, read_mask: Tensor) -> Tensor:
        reads, longest = read_ids.shape
        rows = embeddings.repeat_interleave(reads, 0), mask.repeat_interleave(reads, 0)
        behind = read_ids.repeat(len(ids), 1), read_mask.repeat(len(ids), 1)
        return left_padded_logits(backbone, *rows, *behind, logits_to_keep=longest)

    return first, read_on


def _encoded(backbone: FrozenBackbone, prefixes: Sequence[Prefix], ids: Tensor, mask: Tensor) -> tuple[Tensor, ReadOn]:
    memory, memory_mask = encode(backbone, prefixes, ids, mask)
    any_token = ids.new_zeros(len(ids), 1)  # the decoder does not read the last token of its targets
    first = decoder_logits(backbone, memory, memory_mask, any_token)[:, 0]

    def read_on(read_ids: Tensor, _: Tensor) -> Tensor:
        repeated = memory.repeat_interleave(len(read_ids), 0), memory_mask.repeat_interleave(len(read_ids), 0)
        targets = torch.nn.functional.pad(read_ids, (0, 1)).repeat(len(ids), 1)
        return decoder_logits(backbone, *repeated, targets)[:, 1:]

    return first, read_on
