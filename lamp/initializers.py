"""Where the first prompt comes from: rows of the backbone's embedding table, or a prompt trained before."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lamp.backbone import FrozenBackbone
from lamp.config import LampConfig
from lamp.errors import ConfigError, DataError
from lamp.prompt import LampPrompt

FACTORS = "lamp_factors.safetensors"
"""The file of an exported prompt that holds u (l, r), q (r,) and v (r, d)."""

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


def from_trained(backbone: FrozenBackbone, config: LampConfig, folder: Path) -> LampPrompt:
    """The factors of an exported prompt, to be trained further; pooling and interactions may be other ones.

    Raises DataError when the folder holds no factors, ConfigError when they have another shape than the recipe's.
    """
    try:
        found = load_file(folder / FACTORS)
        prompt = LampPrompt(found["u"], found["q"], found["v"], config.pooling, config.interactions)
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise DataError(f"The prompt to start from, {folder.name!r}, holds no factors that can be read: "
                        "choose another one.") from error
    (length, rank), hidden = prompt.u.shape, prompt.v.shape[1]
    if (length, rank) != (config.prompt_length, config.rank):
        raise ConfigError([f"The prompt to start from has {length} tokens of rank {rank}: set the prompt length to "
                           f"{length} and the rank to {rank}."])
    if hidden != backbone.hidden_size:
        raise ConfigError([f"The prompt to start from is {hidden} numbers wide, for another backbone: this one is "
                           f"{backbone.hidden_size} wide."])
    return prompt


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
