"""Writes answers to inputs behind prompts token by token, greedily or by sampling."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor
from transformers import GenerationMixin, LogitsProcessor, TemperatureLogitsWarper, TopPLogitsWarper
from transformers.generation.streamers import BaseStreamer

from lamp.backbone.cuda_graphs import CudaRecorder
from lamp.backbone.decoding_graphs import DecodingGraphs, Read
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.left_padded import join_left_padded, left_padded_logits
from lamp.backbone.prefix import Prefix, batch_cache, join_prefixes, longest_prompt
from lamp.sampling import GREEDY, Sampling

_SHARE_OF_MEMORY = 16
"""Recorded steps may use one part in so many of a card's memory for keys and values."""


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
    sampling: Sampling = GREEDY,
) -> Tensor:
    """Continuations of inputs (batch, length): token ids (batch, at most new_tokens); greedy by default.

    A row that has ended is filled with padding; without `may_end` no token ends a row. streamer: receives the new
    tokens (batch,) after each step, and one value to ignore before the first; watcher: receives the logits of each
    step. sampling: all rows draw from one seed, so a row's text depends on the others of its batch. Raises
    BackboneError if the backbone has too few positions.
    """
    with _seeded(sampling, backbone.device):
        return _write(backbone, prefixes, ids, mask, new_tokens, streamer, may_end, watcher, sampling)


def _write(
    backbone: FrozenBackbone,
    prefixes: Sequence[Prefix],
    ids: Tensor,
    mask: Tensor,
    new_tokens: int,
    streamer: BaseStreamer | None,
    may_end: bool,
    watcher: LogitsProcessor | None,
    sampling: Sampling,
) -> Tensor:
    """Does the work of `write` with the current state of the random generators."""
    ends = backbone.end_ids if may_end else []
    more: dict[str, Any] = {"max_new_tokens": new_tokens, "eos_token_id": ends or None, "streamer": streamer}
    more["logits_processor"] = [watcher] if watcher else None
    if sampling.temperature:
        more |= {"do_sample": True, "temperature": float(sampling.temperature)}
        more |= {"top_p": float(sampling.top_p), "top_k": 0}
    generate = partial(_generate, backbone.model)
    if backbone.is_encoder_decoder:
        embeddings, mask = join_prefixes(backbone, prefixes, ids, mask)
        backbone.check_length(mask)
        backbone.check_target(new_tokens)
        start = ids.new_full((len(ids), 1), backbone.decoder_start_id)
        more |= {"decoder_input_ids": start, "past_key_values": backbone.empty_cache()}
        return _new(generate(inputs_embeds=embeddings, attention_mask=mask, **more), start)
    if not backbone.shares_prompts(longest_prompt(prefixes) + ids.shape[1] + new_tokens):
        prompts = [prefix.virtual_tokens for prefix in prefixes]
        embeddings, mask = join_left_padded(backbone, prompts, ids, mask)
        backbone.check_length(mask, new_tokens)
        if "inputs_embeds" in inspect.signature(backbone.model.prepare_inputs_for_generation).parameters:
            return _new(generate(inputs_embeds=embeddings, attention_mask=mask, **more), ids[:, :0])

        # Families whose `generate` cannot begin with embeddings read everything again for every token.
        def read_all(written: Tensor) -> Tensor:
            return left_padded_logits(backbone, embeddings, mask, written, torch.ones_like(written), 1)[:, 0]

        return _write_each(backbone, read_all, len(mask), new_tokens, ends, streamer, watcher, sampling)
    if (begun := _begin_recorded(backbone, prefixes, ids, mask, new_tokens)) is not None:
        first, read = begun

        def read_on(written: Tensor) -> Tensor:
            return read(written[:, -1]) if written.shape[1] else first

        return _write_each(backbone, read_on, len(first), new_tokens, ends, streamer, watcher, sampling)
    cache, prefix_mask = batch_cache(backbone, prefixes)
    # transformers expects ids for the cached tokens as well and skips them unread, so zeros will do.
    ids, mask = torch.cat([torch.zeros_like(prefix_mask), ids], dim=1), torch.cat([prefix_mask, mask], dim=1)
    backbone.check_length(mask, new_tokens)
    return _new(generate(input_ids=ids, attention_mask=mask, past_key_values=cache, **more), ids)


def _generate(model: Any, **arguments: Any) -> Tensor:
    """The ids of transformers' own `generate`, not of what some families put in its place for images and sound.

    Janus' loses the processors of logits. Models with three-dimensional rotary positions keep the offsets of the batch
    that they have written, and would add them to the positions of the next one, whatever its size. For text they are
    zeros, so they are forgotten.
    """
    try:
        return cast(Tensor, GenerationMixin.generate(model, **arguments))  # ids alone, unless more is asked for
    finally:
        if hasattr(model.base_model, "rope_deltas"):
            model.base_model.rope_deltas = None


def _new(output: Tensor, given: Tensor) -> Tensor:
    """Returns the ids that `generate` has added to the given ones (batch, length)."""
    return output[:, given.shape[1] :]


def _begin_recorded(
    backbone: FrozenBackbone, prefixes: Sequence[Prefix], ids: Tensor, mask: Tensor, new_tokens: int
) -> tuple[Tensor, Read] | None:
    """Returns the first logits and a function that reads on with recorded steps; None without any, as on every CPU."""
    if backbone.decoding is None and backbone.device.type == "cuda":
        most_bytes = torch.cuda.get_device_properties(backbone.device).total_memory // _SHARE_OF_MEMORY
        backbone.decoding = DecodingGraphs(backbone, CudaRecorder, most_bytes)
    return None if backbone.decoding is None else backbone.decoding.begin(prefixes, ids, mask, new_tokens)


def _write_each(
    backbone: FrozenBackbone,
    logits_after: Callable[[Tensor], Tensor],
    rows: int,
    new_tokens: int,
    ends: Sequence[int],
    streamer: Any,
    watcher: LogitsProcessor | None,
    sampling: Sampling,
) -> Tensor:
    """Chooses each token itself, like transformers' `generate`; otherwise the same as `write`.

    logits_after: returns the model's logits (rows, vocabulary) behind the tokens written so far (rows, length).
    """
    device, padding = backbone.device, backbone.model.generation_config.pad_token_id
    written = torch.zeros(rows, 0, dtype=torch.long, device=device)
    ended, end_ids = torch.zeros(rows, dtype=torch.bool, device=device), torch.tensor(ends, device=device)
    if streamer is not None:
        streamer.put(written.cpu())
    while written.shape[1] < new_tokens and not (ends and ended.all()):
        logits = logits_after(written).to(torch.float32, copy=True)
        if watcher is not None:
            logits = watcher(written, logits)
        token = _next(logits, sampling).masked_fill(ended, padding)
        if ends:
            ended |= torch.isin(token, end_ids)
        written = torch.cat([written, token.unsqueeze(1)], dim=1)
        if streamer is not None:
            streamer.put(token.cpu())
    if streamer is not None:
        streamer.end()
    return written


def _next(logits: Tensor, sampling: Sampling) -> Tensor:
    """Chooses the next token of each row (batch,) from logits (batch, vocabulary)."""
    if not sampling.temperature:
        return logits.argmax(dim=1)
    unread = logits.new_zeros(len(logits), 0, dtype=torch.long)
    logits = TemperatureLogitsWarper(float(sampling.temperature))(unread, logits)
    if sampling.top_p < 1:  # else all of the vocabulary would be sorted for nothing
        logits = TopPLogitsWarper(float(sampling.top_p))(unread, logits)
    return torch.multinomial(logits.softmax(dim=1), 1).squeeze(1)


@contextmanager
def _seeded(sampling: Sampling, device: torch.device) -> Iterator[None]:
    """Draws from the seed inside the block, and restores the random generators afterwards."""
    if not sampling.temperature:
        yield
        return
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(sampling.seed)
        yield
