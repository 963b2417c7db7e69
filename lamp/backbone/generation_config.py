"""Generation settings of a backbone: greedy decoding, without the settings of its own generation_config."""

from __future__ import annotations

from typing import Any

import torch
from transformers import GenerationConfig


def end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """Returns the ids of all tokens that end an answer: first the tokenizer's, then those that the model names."""
    named = model.generation_config.eos_token_id
    if named is None:
        named = getattr(model.config.get_text_config(decoder=True), "eos_token_id", None)
    ids = [tokenizer.eos_token_id, *(named if isinstance(named, list | tuple) else [named])]
    return [token for token in dict.fromkeys(ids) if token is not None]


def decoder_start(model: Any, end: int) -> int:
    """Returns the first decoder token of an encoder-decoder model, whose targets in training end with `end`.

    Most families have a fixed one; mBART uses the last token of the target.
    """
    if not hasattr(model, "prepare_decoder_input_ids_from_labels"):
        return int(model.config.decoder_start_token_id)
    labels = torch.tensor([[end]], device=model.device)
    return int(model.prepare_decoder_input_ids_from_labels(labels=labels)[0, 0])


def greedy_config(ends: list[int], padding: int | None, start: int) -> GenerationConfig:
    """Returns settings with which only the model's logits choose the next token.

    A model's own settings may ask for a repetition penalty, a minimum length, forced tokens or another kind of cache.
    """
    return GenerationConfig(  # type: ignore[no-untyped-call]  # untyped in transformers
        do_sample=False,
        num_beams=1,
        use_cache=True,
        eos_token_id=ends,
        pad_token_id=ends[0] if padding is None else padding,
        decoder_start_token_id=start,
    )
