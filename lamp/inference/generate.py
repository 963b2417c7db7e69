"""Generates free text with a backbone, behind prompts that were read once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.generation.streamers import BaseStreamer

from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import Prefix, batch_cache, join_prefixes
from lamp.data.encoding import Encoder
from lamp.inference.batched import OnProgress, run_batched

OnText = Callable[[int, str], None]
"""Called after each new token of an answer with the input's index and the answer so far."""


@torch.inference_mode()
def generate(
    backbone: FrozenBackbone,
    prefixes: Sequence[Prefix],
    encoder: Encoder,
    inputs: Sequence[Sequence[int]],
    batch_size: int = 16,
    on_progress: OnProgress = lambda _: None,
    on_text: OnText | None = None,
) -> list[str]:
    """Greedy continuations of inputs (token ids), without special tokens.

    Each has at most as many tokens as the recipe allows for a target. prefixes: one for each input, of one prompt or of
    several; on_progress may raise to end the work.
    """
    answers = [""] * len(inputs)

    def answer(indices: Sequence[int]) -> None:
        ids, mask = encoder.pad_inputs([inputs[index] for index in indices], backbone.device)
        arguments, input_length = _generate_arguments(backbone, [prefixes[index] for index in indices], ids, mask)
        output = backbone.model.generate(
            **arguments,
            max_new_tokens=encoder.config.max_target_tokens,
            do_sample=False,
            num_beams=1,
            temperature=None,
            top_p=None,
            top_k=None,
            pad_token_id=backbone.tokenizer.pad_token_id or 0,
            eos_token_id=backbone.tokenizer.eos_token_id,
            streamer=_TextStreamer(backbone.tokenizer, indices, on_text) if on_text else None,
        )
        for index, text in zip(indices, _texts(backbone.tokenizer, output[:, input_length:]), strict=True):
            answers[index] = text

    run_batched([len(ids) for ids in inputs], batch_size, answer, on_progress)
    return answers


def _generate_arguments(
    backbone: FrozenBackbone, prefixes: Sequence[Prefix], ids: Tensor, mask: Tensor
) -> tuple[dict[str, Any], int]:
    """Arguments of a model's `generate` for inputs (batch, length) behind prefixes.

    The second value is the number of tokens at the beginning of its output that are the input again.
    """
    if backbone.is_encoder_decoder:
        embeddings, mask = join_prefixes(backbone, prefixes, ids, mask)
        return {"inputs_embeds": embeddings, "attention_mask": mask}, 0
    cache, prefix_mask = batch_cache(backbone, prefixes)
    if prefix_mask.shape[1]:
        # transformers skips as many ids as the cache holds, whatever they are, so zeros take their place.
        ids, mask = torch.cat([torch.zeros_like(prefix_mask), ids], dim=1), torch.cat([prefix_mask, mask], dim=1)
    return {"input_ids": ids, "attention_mask": mask, "past_key_values": cache}, ids.shape[1]


def _texts(tokenizer: Any, ids: Tensor) -> list[str]:
    """The text of each row of token ids (batch, length)."""
    return [text.strip() for text in tokenizer.batch_decode(ids, skip_special_tokens=True)]


class _TextStreamer(BaseStreamer):
    """Calls `on_text` for every answer of a batch after each token.

    transformers calls `put` with the input ids first, and then with one token of every row.
    """

    def __init__(self, tokenizer: Any, indices: Sequence[int], on_text: OnText) -> None:
        self._tokenizer, self._indices, self._on_text = tokenizer, indices, on_text
        self._tokens: list[Tensor] | None = None

    def put(self, value: Tensor) -> None:
        """Takes the next token of every row (batch,)."""
        if self._tokens is None:
            self._tokens = []
            return
        self._tokens.append(value.reshape(-1))
        for index, text in zip(self._indices, _texts(self._tokenizer, torch.stack(self._tokens, dim=1)), strict=True):
            self._on_text(index, text)

    def end(self) -> None:
        """Does nothing: `put` has reported every token."""
