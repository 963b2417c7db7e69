"""Greedy answers to inputs behind prompts: the likeliest next token, again and again."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessor
from transformers.generation.streamers import BaseStreamer

from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.left_padded import join_left_padded, left_padded_logits
from lamp.backbone.prefix import Prefix, batch_cache, join_prefixes, longest_prompt


def write(
    backbone: FrozenBackbone,
    prefixes: Sequence[Prefix],
    ids: Tensor,
    mask: Tensor,
    new_tokens: int,
    streamer: BaseStreamer | None = None,
    *,
    may_end: bool = True,
    watcher: LogitsProcessor | None = None,
) -> Tensor:
    """The likeliest continuations of inputs (batch, length): token ids (batch, at most new_tokens).

    A row that has ended is filled up with padding; without `may_end` no token ends a row. streamer: is given the new
    tokens (batch,) after each step, and something else before the first; watcher: is given the logits of each step.
    Raises BackboneError where the backbone has too few positions.
    """
    ends = backbone.end_ids if may_end else []
    more: dict[str, Any] = {"max_new_tokens": new_tokens, "eos_token_id": ends or None, "streamer": streamer}
    more["logits_processor"] = [watcher] if watcher else None
    generate = partial(_generate, backbone.model)
    if backbone.is_encoder_decoder:
        embeddings, mask = join_prefixes(backbone, prefixes, ids, mask)
        backbone.check_length(mask)
        backbone.check_target(new_tokens)
        start = ids.new_full((len(ids), 1), backbone.decoder_start_id)
        return _new(generate(inputs_embeds=embeddings, attention_mask=mask, decoder_input_ids=start, **more), start)
    if not backbone.shares_prompts(longest_prompt(prefixes) + ids.shape[1] + new_tokens):
        prompts = [prefix.virtual_tokens for prefix in prefixes]
        embeddings, mask = join_left_padded(backbone, prompts, ids, mask)
        backbone.check_length(mask, new_tokens)
        if "inputs_embeds" in inspect.signature(backbone.model.prepare_inputs_for_generation).parameters:
            return _new(generate(inputs_embeds=embeddings, attention_mask=mask, **more), ids[:, :0])
        return _write_without_cache(backbone, embeddings, mask, new_tokens, ends, streamer, watcher)
    cache, prefix_mask = batch_cache(backbone, prefixes)
    # transformers expects ids for the cached tokens as well and skips them unread, so zeros will do.
    ids, mask = torch.cat([torch.zeros_like(prefix_mask), ids], dim=1), torch.cat([prefix_mask, mask], dim=1)
    backbone.check_length(mask, new_tokens)
    return _new(generate(input_ids=ids, attention_mask=mask, past_key_values=cache, **more), ids)


def _generate(model: Any, **arguments: Any) -> Tensor:
    """The ids of transformers' own `generate`.

    Models with three-dimensional rotary positions keep the offsets of the batch that they have written, and would add
    them to the positions of the next one, whatever its size. For text they are zeros, so they are forgotten.
    """
    try:
        return model.generate(**arguments)  # type: ignore[no-any-return]  # transformers' models are untyped
    finally:
        if hasattr(model.base_model, "rope_deltas"):
            model.base_model.rope_deltas = None


def _new(output: Tensor, given: Tensor) -> Tensor:
    """What `generate` has added to the ids (batch, length) that were given."""
    return output[:, given.shape[1] :]


def _write_without_cache(
    backbone: FrozenBackbone,
    embeddings: Tensor,
    mask: Tensor,
    new_tokens: int,
    ends: Sequence[int],
    streamer: Any,
    watcher: LogitsProcessor | None,
) -> Tensor:
    """Reads everything again for every token: for families whose `generate` cannot begin with embeddings.

    embeddings: (batch, length, hidden); mask: (batch, length); otherwise as `write`.
    """
    written = mask[:, :0]
    ended = torch.zeros(len(mask), dtype=torch.bool, device=mask.device)
    if streamer is not None:
        streamer.put(written)
    while written.shape[1] < new_tokens and not ended.all():
        logits = left_padded_logits(backbone, embeddings, mask, written, torch.ones_like(written), 1)[:, 0].float()
        if watcher is not None:
            watcher(written, logits)
        token = logits.argmax(dim=1).masked_fill(ended, backbone.end_ids[0])
        ended |= torch.isin(token, torch.tensor(ends, device=token.device))
        written = torch.cat([written, token.unsqueeze(1)], dim=1)
        if streamer is not None:
            streamer.put(token)
    return written
