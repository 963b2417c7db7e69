"""Logits and log-likelihoods of targets behind virtual tokens and an input; no other logits are computed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.modeling_outputs import BaseModelOutput

from lamp.backbone.batch import Batch
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.left_padded import left_padded_logits, padding_first, positions
from lamp.backbone.prefix import Prefix, join_prefixes, shared_cache


def target_log_likelihood(
    backbone: FrozenBackbone, virtual_tokens: Tensor | None, batch: Batch, *, one_pass: bool = False
) -> Tensor:
    """Weighted mean log-likelihood of each row's target tokens, in float32: (batch,).

    virtual_tokens: of one prompt (l', hidden), or of several (prompts, l', hidden), each for equally many adjacent
    rows, or None; gradients flow into them; one_pass: see `target_logits`. Every row counts the same, whatever the
    length of its target, so a batch may be split over accumulation steps or processes without changing the loss.
    """
    logits = target_logits(backbone, virtual_tokens, batch, one_pass=one_pass)
    weights = batch.target_weights
    return sum_log_likelihood(logits, batch.target_ids, weights) / weights.sum(dim=1)


def sum_log_likelihood(logits: Tensor, ids: Tensor, weights: Tensor) -> Tensor:
    """Weighted log-likelihood of ids (rows, length) under logits (rows, length, vocabulary), in float32: (rows,)."""
    losses = torch.nn.functional.cross_entropy(logits.float().transpose(1, 2), ids, reduction="none")
    return -(losses * weights).sum(dim=1)


def target_logits(
    backbone: FrozenBackbone, virtual_tokens: Tensor | None, batch: Batch, *, one_pass: bool = False
) -> Tensor:
    """Logits that predict each target token: (batch, target length, vocabulary).

    A causal model reads the prompts once for all rows and then the rows, in two passes; with `one_pass` it reads both
    together, a copy of the prompt before every row. That computes more with half the calls, and gives the same logits.
    If two passes would not be exact (`FrozenBackbone.shares_prompts`), it always reads in one.
    """
    if backbone.is_encoder_decoder:
        joined = backbone.join(virtual_tokens, batch.input_ids, batch.input_mask)
        return decoder_logits(backbone, *_encoded(backbone, *joined), batch.target_ids)
    # Nothing follows the last target token, so the model need not read it.
    target_ids, target_mask = batch.target_ids[:, :-1], batch.target_mask[:, :-1]
    keep = batch.target_ids.shape[1]
    prompt_length = 0 if virtual_tokens is None else virtual_tokens.shape[-2]
    if one_pass or not backbone.shares_prompts(prompt_length + batch.input_ids.shape[1] + keep):
        joined = padding_first(*backbone.join(virtual_tokens, batch.input_ids, batch.input_mask))
        return left_padded_logits(backbone, *joined, target_ids, target_mask, logits_to_keep=keep)
    cache, prefix_mask = shared_cache(backbone, virtual_tokens, len(target_ids))
    ids = torch.cat([batch.input_ids, target_ids], dim=1)
    mask = torch.cat([prefix_mask, batch.input_mask, target_mask], dim=1)
    return continue_logits(backbone, cache, ids, mask, logits_to_keep=keep)


def continue_logits(
    backbone: FrozenBackbone, cache: DynamicCache, ids: Tensor, mask: Tensor, logits_to_keep: int
) -> Tensor:
    """Logits of the last positions when ids (batch, length) follow a cache: (batch, logits_to_keep, vocabulary).

    mask: (batch, cached + length), 1 where there is a token. Adds the ids to the cache, except to a SharedCache, which
    never changes.
    """
    return backbone.logits(
        logits_to_keep,
        inputs_embeds=backbone.embed(ids),
        attention_mask=mask,
        position_ids=positions(mask)[:, -ids.shape[1] :],
        past_key_values=cache,
        use_cache=True,
    )


def encode(backbone: FrozenBackbone, prefixes: Sequence[Prefix], ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Reads ids (batch, length) behind each row's prefix with an encoder-decoder model's encoder.

    Returns its states (batch, l' + length, hidden) and the mask (batch, l' + length).
    """
    return _encoded(backbone, *join_prefixes(backbone, prefixes, ids, mask))


def _encoded(backbone: FrozenBackbone, embeddings: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The encoder's states of embeddings (batch, length, hidden) that are padded on the right, and their mask."""
    backbone.check_length(mask)
    limit = backbone.longest_sequence  # only padding lies beyond it
    embeddings, mask = embeddings[:, :limit], mask[:, :limit]
    return backbone.forward_encoder(inputs_embeds=embeddings, attention_mask=mask).last_hidden_state, mask


def decoder_logits(backbone: FrozenBackbone, memory: Tensor, memory_mask: Tensor, target_ids: Tensor) -> Tensor:
    """Logits that predict each target token from the encoder's states: (batch, target length, vocabulary).

    memory: (batch, memory length, hidden), memory_mask: (batch, memory length), target_ids: (batch, target length).
    """
    start = target_ids.new_full((len(target_ids), 1), backbone.decoder_start_id)
    return backbone.logits(
        target_ids.shape[1],
        encoder_outputs=BaseModelOutput(last_hidden_state=memory),
        attention_mask=memory_mask,
        decoder_input_ids=torch.cat([start, target_ids[:, :-1]], dim=1),
        use_cache=False,
    )
