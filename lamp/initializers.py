"""The first prompt before any training: rows of the backbone's embedding table."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from lamp.config import LampConfig

_FREQUENT = 2000
"""Tokens that vocabulary rows are drawn from; more frequent tokens have better trained embeddings."""


class Vocabulary(Protocol):
    """The tokens of a backbone and their embeddings, as FrozenBackbone has them."""

    tokenizer: Any

    @property
    def device(self) -> torch.device:
        """Where the embeddings lie."""

    def embed(self, ids: Tensor) -> Tensor:
        """Embeddings of token ids: (...,) to (..., d)."""


def initial_prompt(
    vocabulary: Vocabulary, config: LampConfig, labels: Iterable[str], inputs: Iterable[Sequence[int]], seed: int
) -> Tensor:
    """The prompt before decomposition (l, d), float32, as the recipe asks for it.

    inputs: token ids of the training inputs, from which token frequencies are counted; labels: empty for generation,
    which then starts from frequent tokens.
    """
    if config.initial == "text":
        return from_text(vocabulary, config.initial_text, config.prompt_length)
    names = ", ".join(labels)
    if config.initial == "labels" and names:
        return from_text(vocabulary, names, config.prompt_length)
    return from_vocabulary(vocabulary, inputs, config.prompt_length, seed)


def from_vocabulary(vocabulary: Vocabulary, inputs: Iterable[Sequence[int]], length: int, seed: int) -> Tensor:
    """Embeddings of `length` tokens drawn from the most frequent ones of the inputs: (length, d)."""
    counts: Counter[int] = Counter()
    for ids in inputs:
        counts.update(ids)
    special = set(vocabulary.tokenizer.all_special_ids)
    frequent = [token for token, _ in counts.most_common(_FREQUENT) if token not in special]
    random.Random(seed).shuffle(frequent)
    return _rows(vocabulary, _filled(frequent or [0], length))


def from_text(vocabulary: Vocabulary, text: str, length: int) -> Tensor:
    """Embeddings of a text's tokens, repeated to fill the prompt: (length, d)."""
    ids = vocabulary.tokenizer(text, add_special_tokens=False).input_ids
    return _rows(vocabulary, _filled(ids, length))


def _filled(ids: Sequence[int], length: int) -> list[int]:
    return [ids[i % len(ids)] for i in range(length)]


def _rows(vocabulary: Vocabulary, ids: Sequence[int]) -> Tensor:
    return vocabulary.embed(torch.tensor(ids, device=vocabulary.device)).detach().float().cpu()
