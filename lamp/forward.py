"""What a frozen backbone says of targets, with virtual tokens before the input and logits only where they count."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.modeling_outputs import BaseModelOutput

from lamp.backbone import FrozenBackbone
from lamp.encoding import Batch


def target_log_likelihood(backbone: FrozenBackbone, virtual: Tensor | None, batch: Batch) -> Tensor:
    """Weighted mean log-likelihood of each row's target tokens, in float32: (batch,).

    virtual: (l', hidden), gradients flow into it. Each row counts alike whatever its target's length, so a batch
    may be split over accumulation steps or processes without changing the loss.
    """
    logits = target_logits(backbone, virtual, batch)
    weights = batch.target_weights
    return sum_log_likelihood(logits, batch.target_ids, weights) / weights.sum(dim=1)


def sum_log_likelihood(logits: Tensor, ids: Tensor, weights: Tensor) -> Tensor:
    """Weighted log-likelihood of ids (rows, length) under logits (rows, length, vocabulary), in float32: (rows,)."""
    losses = torch.nn.functional.cross_entropy(logits.float().transpose(1, 2), ids, reduction="none")
    return -(losses * weights).sum(dim=1)


def target_logits(backbone: FrozenBackbone, virtual: Tensor | None, batch: Batch) -> Tensor:
    """Logits that predict each target token: (batch, target length, vocabulary)."""
    if backbone.is_encoder_decoder:
        memory, mask = encode(backbone, virtual, batch.input_ids, batch.input_mask)
        return decoder_logits(backbone, memory, mask, batch.target_ids, batch.target_mask)
    # The last target token predicts nothing, so it is not read.
    ids = torch.cat([batch.input_ids, batch.target_ids[:, :-1]], dim=1)
    mask = torch.cat([batch.input_mask, batch.target_mask[:, :-1]], dim=1)
    return causal_logits(backbone, prefix_cache(backbone, virtual), ids, mask, keep=batch.target_ids.shape[1])


def prefix_cache(backbone: FrozenBackbone, virtual: Tensor | None) -> DynamicCache:
    """Keys and values of the virtual tokens in every layer, for a batch of one.

    In a causal model the virtual tokens see nothing but each other, so they are read once however many rows follow:
    the same numbers as with a copy before every row, at a fraction of the work. Gradients flow through it.
    """
    cache = DynamicCache(config=backbone.model.config)
    if virtual is not None:
        embeddings = virtual.to(backbone.dtype).unsqueeze(0)
        backbone.model.base_model(inputs_embeds=embeddings, past_key_values=cache, use_cache=True)
    return cache


def repeat_cache(backbone: FrozenBackbone, cache: DynamicCache, times: int) -> DynamicCache:
    """A cache in which every row stands `times` times in a row; a batch of one is not copied."""
    repeated = DynamicCache(config=backbone.model.config)
    layers: list[Any] = cache.layers
    for number, layer in enumerate(layers):
        if layer.is_initialized:
            keys, values = _repeat(layer.keys, times), _repeat(layer.values, times)
            repeated.update(keys, values, number)
    return repeated


def _repeat(states: Tensor, times: int) -> Tensor:
    if len(states) == 1:
        return states.expand(times, -1, -1, -1)
    return states.repeat_interleave(times, dim=0)


def causal_logits(
    backbone: FrozenBackbone, prefix: DynamicCache, ids: Tensor, mask: Tensor, keep: int
) -> Tensor:
    """Logits of the last `keep` positions behind a prefix of batch one: (batch, keep, vocabulary)."""
    cache = repeat_cache(backbone, prefix, len(ids))
    length = cache.get_seq_length()
    full_mask = torch.cat([mask.new_ones(len(ids), length), mask], dim=1)
    return continue_logits(backbone, cache, ids, full_mask, keep)


def continue_logits(backbone: FrozenBackbone, cache: DynamicCache, ids: Tensor, mask: Tensor, keep: int) -> Tensor:
    """Reads ids (batch, length) behind a cache, which then holds them too: (batch, keep, vocabulary).

    mask: (batch, cached + length), 1 where there is a token.
    """
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -ids.shape[1]:]
    output = backbone.model(
        inputs_embeds=backbone.embed(ids), attention_mask=mask, position_ids=positions,
        past_key_values=cache, use_cache=True, logits_to_keep=keep,
    )
    logits: Tensor = output.logits
    return logits


def encode(
    backbone: FrozenBackbone, virtual: Tensor | None, ids: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor]:
    """The encoder's states (batch, l' + length, hidden) and their mask (batch, l' + length)."""
    joined = backbone.join(virtual, ids, mask)
    encoder: Any = backbone.model.get_encoder()
    output = encoder(inputs_embeds=joined.embeddings, attention_mask=joined.mask)
    return output.last_hidden_state, joined.mask


def decoder_logits(
    backbone: FrozenBackbone, memory: Tensor, memory_mask: Tensor, target_ids: Tensor, target_mask: Tensor
) -> Tensor:
    """Logits that predict each target token from the encoder's states: (batch, target length, vocabulary)."""
    labels = target_ids.masked_fill(target_mask == 0, -100)
    inputs = backbone.model.prepare_decoder_input_ids_from_labels(labels=labels)
    output = backbone.model(
        encoder_outputs=BaseModelOutput(last_hidden_state=memory), attention_mask=memory_mask,
        decoder_input_ids=inputs, use_cache=False,
    )
    logits: Tensor = output.logits
    return logits
