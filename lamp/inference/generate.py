"""Generates free text with a backbone behind prompts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile

import torch
from torch import Tensor
from transformers.generation.streamers import BaseStreamer

from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import Prefix
from lamp.backbone.writing import write
from lamp.data.encoding import Encoder
from lamp.inference.batched import OnProgress, run_batched
from lamp.sampling import GREEDY, Sampling

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
    sampling: Sampling = GREEDY,
) -> list[str]:
    """Returns continuations of inputs (token ids) as text without special tokens; by default greedily decoded.

    Each has at most as many tokens as the recipe allows for a target, unless `sampling` says otherwise. prefixes: one
    for each input, of one prompt or of several; on_progress may raise to stop the work.
    """
    answers = [""] * len(inputs)

    def answer(indices: Sequence[int]) -> None:
        ids, mask = encoder.pad_inputs([inputs[index] for index in indices], backbone.device)
        streamer = _TextStreamer(backbone, indices, on_text) if on_text else None
        limit = sampling.longest_answer or encoder.config.max_target_tokens
        prompts = [prefixes[index] for index in indices]
        output = write(backbone, prompts, ids, mask, limit, streamer, sampling=sampling)
        for index, text in zip(indices, _texts(backbone, output), strict=True):
            answers[index] = text

    run_batched([len(ids) for ids in inputs], batch_size, answer, on_progress)
    return answers


def _texts(backbone: FrozenBackbone, ids: Tensor) -> list[str]:
    """Decodes each row of token ids (batch, length), up to the first token that ends an answer."""
    ends = set(backbone.end_ids)
    answers = [list(takewhile(lambda token: token not in ends, row)) for row in ids.tolist()]
    return [text.strip() for text in backbone.tokenizer.batch_decode(answers, skip_special_tokens=True)]


class _TextStreamer(BaseStreamer):
    """Calls `on_text` for every answer of a batch after each token.

    transformers calls `put` with the input ids first, and then with one token for every row.
    """

    def __init__(self, backbone: FrozenBackbone, indices: Sequence[int], on_text: OnText) -> None:
        self._backbone, self._indices, self._on_text = backbone, indices, on_text
        self._tokens: list[Tensor] | None = None

    def put(self, value: Tensor) -> None:
        """Receives the next token of every row (batch,)."""
        if self._tokens is None:
            self._tokens = []
            return
        self._tokens.append(value.reshape(-1))
        for index, text in zip(self._indices, _texts(self._backbone, torch.stack(self._tokens, dim=1)), strict=True):
            self._on_text(index, text)

    def end(self) -> None:
        """Does nothing: `put` has reported every token."""
