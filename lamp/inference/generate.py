"""Free text from a backbone behind prompts that were read once."""

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
"""Hears of an answer while it is written: the input's number, and the answer so far."""


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
    """The most likely continuation of every input (greedy), as long as a target may be, without special tokens.

    prefixes: one for each input, of any number of prompts; on_progress may raise; on_text hears of every answer
    after each of its tokens.
    """
    answers = [""] * len(inputs)

    def write(rows: Sequence[int]) -> None:
        ids, mask = encoder.pad_inputs([inputs[row] for row in rows], backbone.device)
        read, skipped = _read(backbone, [prefixes[row] for row in rows], ids, mask)
        output = backbone.model.generate(
            **read,
            max_new_tokens=encoder.config.max_target_tokens,
            do_sample=False,
            num_beams=1,
            temperature=None,
            top_p=None,
            top_k=None,
            pad_token_id=backbone.tokenizer.pad_token_id or 0,
            eos_token_id=backbone.tokenizer.eos_token_id,
            streamer=_TextStreamer(backbone.tokenizer, rows, on_text) if on_text else None,
        )
        for row, text in zip(rows, _texts(backbone.tokenizer, output[:, skipped:]), strict=True):
            answers[row] = text

    run_batched([len(ids) for ids in inputs], batch_size, write, on_progress)
    return answers


def _read(
    backbone: FrozenBackbone, prefixes: Sequence[Prefix], ids: Tensor, mask: Tensor
) -> tuple[dict[str, Any], int]:
    """What a backbone's `generate` is given for inputs behind prefixes, and how much of its output repeats that."""
    if backbone.is_encoder_decoder:
        embeddings, mask = join_prefixes(backbone, prefixes, ids, mask)
        return {"inputs_embeds": embeddings, "attention_mask": mask}, 0
    cache, before = batch_cache(backbone, prefixes)
    if before.shape[1]:
        # transformers skips as many ids as the cache holds, whatever they are.
        ids, mask = torch.cat([torch.zeros_like(before), ids], dim=1), torch.cat([before, mask], dim=1)
    return {"input_ids": ids, "attention_mask": mask, "past_key_values": cache}, ids.shape[1]


def _texts(tokenizer: Any, ids: Tensor) -> list[str]:
    return [text.strip() for text in tokenizer.batch_decode(ids, skip_special_tokens=True)]


class _TextStreamer(BaseStreamer):
    """Tells of the texts of one batch as they grow; transformers hands it what was read first, then a token a row."""

    def __init__(self, tokenizer: Any, rows: Sequence[int], on_text: OnText) -> None:
        self._tokenizer, self._rows, self._on_text = tokenizer, rows, on_text
        self._tokens: list[Tensor] | None = None

    def put(self, value: Tensor) -> None:
        """Takes the next token of every row (batch,)."""
        if self._tokens is None:
            self._tokens = []
            return
        self._tokens.append(value.reshape(-1))
        for row, text in zip(self._rows, _texts(self._tokenizer, torch.stack(self._tokens, dim=1)), strict=True):
            self._on_text(row, text)

    def end(self) -> None:
        """Nothing is left over: every token was told of."""
