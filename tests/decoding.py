"""Texts that are written with and without recorded steps, to be compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import LogitsProcessor
from transformers.generation.streamers import BaseStreamer

from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import Prefix, inference_prefix
from lamp.backbone.writing import write
from lamp.sampling import GREEDY, Sampling


class Repeat:
    """A recorder for any device: it repeats the step itself, on the memory that a recording would read."""

    made = 0

    def record(self, body: Callable[[], Tensor]) -> Callable[[], Tensor]:
        Repeat.made += 1
        return body


@dataclass
class Watched(LogitsProcessor, BaseStreamer):
    """All that a watcher and a streamer were given."""

    logits: list[Tensor] = field(default_factory=list)
    tokens: list[Tensor] = field(default_factory=list)
    ended: int = 0

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        self.logits.append(scores.clone())
        return scores

    def put(self, value: Tensor) -> None:
        self.tokens.append(value)

    def end(self) -> None:
        self.ended += 1


def written(
    backbone: FrozenBackbone, prefixes: list[Prefix], tokens: int = 12, sampling: Sampling = GREEDY, seed: int = 0
) -> tuple[Tensor, Watched]:
    """What is written behind random inputs of up to seven tokens, a row for each prompt."""
    draw = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, 30, (len(prefixes), 7), generator=draw)
    columns = torch.arange(7)
    mask = torch.stack([(columns >= row * 3 % 6).long() for row in range(len(prefixes))])
    watched = Watched()
    output = write(
        backbone,
        prefixes,
        ids.to(backbone.device),
        mask.to(backbone.device),
        tokens,
        watched,
        watcher=watched,
        sampling=sampling,
    )
    return output, watched


def prompts(backbone: FrozenBackbone, *lengths: int) -> list[Prefix]:
    """A random prompt of each length."""
    draw = torch.Generator().manual_seed(1)
    return [
        inference_prefix(backbone, torch.randn(length, backbone.hidden_size, generator=draw) * 0.5 if length else None)
        for length in lengths
    ]


def assert_same(ours: tuple[Tensor, Watched], wanted: tuple[Tensor, Watched]) -> None:
    """The same ids, and the same calls of watcher and streamer; what the streamer is given first may differ."""
    assert torch.equal(ours[0], wanted[0])
    assert torch.equal(torch.stack(ours[1].tokens[1:]), torch.stack(wanted[1].tokens[1:]))
    assert ours[1].ended == wanted[1].ended == 1
    torch.testing.assert_close(torch.stack(ours[1].logits), torch.stack(wanted[1].logits), atol=1e-3, rtol=1e-3)
