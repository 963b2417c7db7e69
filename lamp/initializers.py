"""Where the first prompt comes from: rows of the backbone's embedding table."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from lamp.backbone import FrozenBackbone
from lamp.config import LampConfig

_FREQUENT = 2000
"""Tokens that vocabulary rows are drawn from; more frequent tokens have better trained embeddings."""


def initial_prompt(
    backbone: FrozenBackbone, config: LampConfig, labels: Iterable[str], inputs: Iterable[Sequence[int]], seed: int
) -> Tensor:
    """The prompt before decomposition (l, d), float32, as the recipe asks for it.

    inputs: token ids of the training inputs, from which token frequencies are counted; labels: empty for generation,
    which then starts from frequent tokens.
    """
    if config.initial == "text":
        return from_text(backbone, config.initial_text, config.prompt_length)
    names = ", ".join(labels)
    if config.initial == "labels" and names:
        return from_text(backbone, names, config.prompt_length)
    return from_vocabulary(backbone, inputs, config.prompt_length, seed)


def from_vocabulary(backbone: FrozenBackbone, inputs: Iterable[Sequence[int]], length: int, seed: int) -> Tensor:
    """Embeddings of `length` tokens drawn from the most frequent ones of the inputs: (length, d)."""
    counts: Counter[int] = Counter()
    for ids in inputs:
        counts.update(ids)
    special = set(backbone.tokenizer.all_special_ids)
    frequent = [token for token, _ in counts.most_common(_FREQUENT) if token not in special]
    chooser = random.Random(seed)
    chooser.shuffle(frequent)
    return _rows(backbone, _filled(frequent or [0], length))


def from_text(backbone: FrozenBackbone, text: str, length: int) -> Tensor:
    """Embeddings of a text's tokens, repeated to fill the prompt: (length, d)."""
    ids = backbone.tokenizer(text, add_special_tokens=False).input_ids
    return _rows(backbone, _filled(ids, length))


def _filled(ids: Sequence[int], length: int) -> list[int]:
    return [ids[i % len(ids)] for i in range(length)]


def _rows(backbone: FrozenBackbone, ids: Sequence[int]) -> Tensor:
    return backbone.embed(torch.tensor(ids, device=backbone.device)).detach().float().cpu()
