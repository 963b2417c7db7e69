"""Creates the initial prompt matrix from rows of the backbone's embedding table."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from lamp.config import LampConfig

_MOST_FREQUENT = 2000
"""Number of most frequent tokens that the prompt is drawn from; frequent tokens have better trained embeddings."""


class Vocabulary(Protocol):
    """The part of a FrozenBackbone that initializers need: tokens and their embeddings."""

    tokenizer: Any

    @property
    def device(self) -> torch.device:
        """The device that holds the embeddings."""

    def embed(self, ids: Tensor) -> Tensor:
        """Embeddings of token ids: (...,) → (..., d)."""


def initial_prompt(
    vocabulary: Vocabulary, config: LampConfig, labels: Iterable[str], inputs: Iterable[Sequence[int]], seed: int
) -> Tensor:
    """Creates the prompt matrix before decomposition (l, d), float32 on the CPU, as `config.initial` asks for it.

    labels: the label names, empty for generation, which then starts from frequent tokens; inputs: token ids of the
    training inputs, whose frequencies are counted.
    """
    if config.initial == "text":
        return from_text(vocabulary, config.initial_text, config.prompt_length)
    names = ", ".join(labels)
    if config.initial == "labels" and names:
        return from_text(vocabulary, names, config.prompt_length)
    return from_vocabulary(vocabulary, inputs, config.prompt_length, seed)


def from_vocabulary(vocabulary: Vocabulary, inputs: Iterable[Sequence[int]], length: int, seed: int) -> Tensor:
    """Embeddings of `length` tokens, drawn at random from the most frequent tokens of the inputs: (length, d)."""
    counts: Counter[int] = Counter()
    for ids in inputs:
        counts.update(ids)
    special = set(vocabulary.tokenizer.all_special_ids)
    frequent = [token for token, _ in counts.most_common(_MOST_FREQUENT) if token not in special]
    random.Random(seed).shuffle(frequent)
    return _embeddings(vocabulary, _repeat_to(frequent or [0], length))


def from_text(vocabulary: Vocabulary, text: str, length: int) -> Tensor:
    """Embeddings of a text's tokens, repeated or cut to `length` tokens: (length, d)."""
    ids = vocabulary.tokenizer(text, add_special_tokens=False).input_ids
    return _embeddings(vocabulary, _repeat_to(ids, length))


def _repeat_to(ids: Sequence[int], length: int) -> list[int]:
    return [ids[i % len(ids)] for i in range(length)]


def _embeddings(vocabulary: Vocabulary, ids: Sequence[int]) -> Tensor:
    return vocabulary.embed(torch.tensor(ids, device=vocabulary.device)).detach().float().cpu()
