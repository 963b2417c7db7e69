"""Rows padded before the prompt, which is exact for attention windows and recurrent layers.

Each row is its padding, then the prompt, then the input, so there is no gap between tokens. Layers that look back a
number of columns, or carry a state from one column to the next, then compute the same as for the row alone. The cost:
every row reads a copy of the prompt, and no keys and values are shared.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lamp.backbone.frozen import FrozenBackbone


def padding_first(embeddings: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Moves each row's padding to its start; the tokens keep their order.

    embeddings: (batch, length, hidden); mask: (batch, length), 1 where there is a token. Returns both in that order.
    """
    gaps = 1 - mask
    columns = torch.where(mask.bool(), gaps.sum(dim=1, keepdim=True) + mask.cumsum(dim=1), gaps.cumsum(dim=1)) - 1
    moved = torch.empty_like(embeddings).scatter(1, columns.unsqueeze(2).expand_as(embeddings), embeddings)
    return moved, torch.empty_like(mask).scatter(1, columns, mask)


def join_left_padded(
    backbone: FrozenBackbone, prompts: Sequence[Tensor | None], ids: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor]:
    """Joins padding, each row's virtual tokens (l', hidden) if any, and its input: embeddings and mask.

    ids, mask: (batch, length). Returns (batch, longest prompt + length, hidden) and (batch, longest prompt + length).
    """
    inputs = backbone.embed(ids)
    tokens = [inputs.new_empty(0, inputs.shape[2]) if prompt is None else prompt.to(inputs) for prompt in prompts]
    before = pad_sequence(tokens, batch_first=True)
    before_mask = pad_sequence([mask.new_ones(len(prompt)) for prompt in tokens], batch_first=True)
    return padding_first(torch.cat([before, inputs], dim=1), torch.cat([before_mask, mask], dim=1))


def left_padded_logits(
    backbone: FrozenBackbone,
    embeddings: Tensor,
    mask: Tensor,
    ids: Tensor,
    ids_mask: Tensor,
    logits_to_keep: int,
) -> Tensor:
    """Logits of the last positions when ids follow left-padded rows: (batch, logits_to_keep, vocabulary).

    embeddings: (batch, length, hidden); mask: (batch, length); ids, ids_mask: (batch, more), padded on the right.
    """
    mask = torch.cat([mask, ids_mask], dim=1)
    return backbone.logits(
        logits_to_keep,
        inputs_embeds=torch.cat([embeddings, backbone.embed(ids)], dim=1),
        attention_mask=mask,
        position_ids=positions(mask),
        use_cache=False,
    )


def positions(mask: Tensor) -> Tensor:
    """Position of every token (batch, length), padding not counted; mask: (batch, length), 1 where there is a token."""
    return (mask.cumsum(dim=1) - 1).clamp(min=0)
