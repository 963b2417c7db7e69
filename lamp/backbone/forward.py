"""What a frozen backbone says of targets, with virtual tokens before the input and logits only where they count."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.modeling_outputs import BaseModelOutput

from lamp.backbone.batch import Batch
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import Prefix, join_prefixes, make_prefix, shared_cache


def target_log_likelihood(backbone: FrozenBackbone, virtual_tokens: Tensor | None, batch: Batch) -> Tensor:
    """Weighted mean log-likelihood of each row's target tokens, in float32: (batch,).

    virtual_tokens: (l', hidden), gradients flow into it. Each row counts alike whatever its target's length, so a batch
    may be split over accumulation steps or processes without changing the loss.
    """
    logits = target_logits(backbone, virtual_tokens, batch)
    weights = batch.target_weights
    return sum_log_likelihood(logits, batch.target_ids, weights) / weights.sum(dim=1)


def sum_log_likelihood(logits: Tensor, ids: Tensor, weights: Tensor) -> Tensor:
    """Weighted log-likelihood of ids (rows, length) under logits (rows, length, vocabulary), in float32: (rows,)."""
    losses = torch.nn.functional.cross_entropy(logits.float().transpose(1, 2), ids, reduction="none")
    return -(losses * weights).sum(dim=1)


def target_logits(backbone: FrozenBackbone, virtual_tokens: Tensor | None, batch: Batch) -> Tensor:
    """Logits that predict each target token: (batch, target length, vocabulary)."""
    rows = len(batch.input_ids)
    if backbone.is_encoder_decoder:
        prefixes = [make_prefix(backbone, virtual_tokens)] * rows
        memory, mask = encode(backbone, prefixes, batch.input_ids, batch.input_mask)
        return decoder_logits(backbone, memory, mask, batch.target_ids, batch.target_mask)
    # The last target token predicts nothing, so it is not read.
    ids = torch.cat([batch.input_ids, batch.target_ids[:, :-1]], dim=1)
    cache, before = shared_cache(backbone, virtual_tokens, rows)
    mask = torch.cat([before, batch.input_mask, batch.target_mask[:, :-1]], dim=1)
    return continue_logits(backbone, cache, ids, mask, keep=batch.target_ids.shape[1])


def continue_logits(backbone: FrozenBackbone, cache: DynamicCache, ids: Tensor, mask: Tensor, keep: int) -> Tensor:
    """Reads ids (batch, length) behind a cache, which then holds them too unless it is a shared one.

    Gives (batch, keep, vocabulary). mask: (batch, cached + length), 1 where there is a token.
    """
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -ids.shape[1] :]
    output = backbone.forward(
        inputs_embeds=backbone.embed(ids),
        attention_mask=mask,
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=keep,
    )
    logits: Tensor = output.logits
    return logits


def encode(backbone: FrozenBackbone, prefixes: Sequence[Prefix], ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The encoder's states behind each row's prefix (batch, l' + length, hidden), and the mask over both."""
    embeddings, whole_mask = join_prefixes(backbone, prefixes, ids, mask)
    return backbone.forward_encoder(inputs_embeds=embeddings, attention_mask=whole_mask).last_hidden_state, whole_mask


def decoder_logits(
    backbone: FrozenBackbone, memory: Tensor, memory_mask: Tensor, target_ids: Tensor, target_mask: Tensor
) -> Tensor:
    """Logits that predict each target token from the encoder's states: (batch, target length, vocabulary)."""
    labels = target_ids.masked_fill(target_mask == 0, -100)
    inputs = backbone.model.prepare_decoder_input_ids_from_labels(labels=labels)
    output = backbone.forward(
        encoder_outputs=BaseModelOutput(last_hidden_state=memory),
        attention_mask=memory_mask,
        decoder_input_ids=inputs,
        use_cache=False,
    )
    logits: Tensor = output.logits
    return logits
