"""Inspects a trained prompt: the words nearest to its tokens, its singular directions, and a map of both."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from lamp.backbone.frozen import FrozenBackbone
from lamp.inference.inspection import InspectedDirection, InspectedToken, Inspection, MapPoint, Word
from lamp.prompt import LampPrompt

_WORDS = 5
"""Number of nearest words that are shown."""
_ROWS_AT_A_TIME = 16_384
"""Rows of the embedding table that are compared at a time, to avoid a second copy of the table in memory."""


@torch.inference_mode()
def inspect_prompt(backbone: FrozenBackbone, trained: LampPrompt, first: LampPrompt | None) -> Inspection:
    """Inspects a trained prompt. first: the prompt that training started from, if it is known."""
    after = trained().cpu()
    before = first().cpu() if first is not None else None
    vocabulary = _Vocabulary(backbone)
    near_after = vocabulary.nearest(after)
    near_before = vocabulary.nearest(before) if before is not None else [()] * len(after)
    moved = (
        (after - before).norm(dim=1) / before.norm(dim=1).clamp_min(1e-12) if before is not None else [0.0] * len(after)
    )
    tokens = tuple(
        InspectedToken(vocabulary.words(old), vocabulary.words(new), float(distance))
        for old, new, distance in zip(near_before, near_after, moved, strict=True)
    )
    points, variance = _map(vocabulary, before, after, [near[0][0] for near in near_after])
    return Inspection(tokens, _directions(trained, vocabulary), points, variance)


def _directions(prompt: LampPrompt, vocabulary: _Vocabulary) -> tuple[InspectedDirection, ...]:
    """Returns each singular triplet with the change of the composed prompt when it is left out."""
    whole = prompt().cpu()
    weights = []
    for number in range(len(prompt.q)):
        q = prompt.q.detach().clone()
        q[number] = 0.0
        rest = LampPrompt(prompt.u, q, prompt.v, prompt.pooling, prompt.interactions)
        weights.append(float((whole - rest().cpu()).norm() / whole.norm().clamp_min(1e-12)))
    near = vocabulary.nearest(prompt.v.detach().cpu(), either_sense=True)
    order = sorted(range(len(weights)), key=lambda number: -weights[number])
    return tuple(InspectedDirection(weights[number], vocabulary.words(near[number])) for number in order)


def _map(
    vocabulary: _Vocabulary, before: Tensor | None, after: Tensor, words: Sequence[int]
) -> tuple[tuple[MapPoint, ...], float]:
    """Projects the directions of tokens and some words onto the plane that shows most of their variance."""
    words = list(dict.fromkeys(words))
    groups = [("after", after), ("word", vocabulary.vectors(words))]
    groups += [("before", before)] if before is not None else []
    vectors = normalize(torch.cat([vectors.float() for _, vectors in groups]), dim=1)
    centred = vectors - vectors.mean(dim=0)
    _, sizes, axes = torch.linalg.svd(centred, full_matrices=False)
    places = centred @ axes[:2].T
    if places.shape[1] < 2:
        places = torch.nn.functional.pad(places, (0, 2 - places.shape[1]))
    kinds = [kind for kind, vectors in groups for _ in vectors]
    names = [str(number + 1) for number in range(len(after))]
    labels = [*names, *(word for word, _ in vocabulary.words([(word, 1.0) for word in words]))]
    labels += names if before is not None else []
    points = zip(places.tolist(), kinds, labels, strict=True)
    share = sizes[:2].square().sum() / sizes.square().sum().clamp_min(1e-12)
    return tuple(MapPoint(x, y, kind, name) for (x, y), kind, name in points), float(share)


class _Vocabulary:
    """The backbone's tokens and embeddings, without special and reserved tokens, which are no words."""

    def __init__(self, backbone: FrozenBackbone) -> None:
        self._weight: Tensor = backbone.embedding.weight
        self._tokenizer = backbone.tokenizer
        count = min(len(self._weight), len(self._tokenizer))  # tables are often padded beyond the last token
        self._allowed = torch.ones(count, dtype=torch.bool)
        others = {*self._tokenizer.all_special_ids, *self._tokenizer.get_added_vocab().values()}
        self._allowed[[number for number in others if number < count]] = False

    def vectors(self, tokens: Sequence[int]) -> Tensor:
        """Returns embeddings (tokens, d) from the table, float32 on the CPU."""
        return self._weight[torch.tensor(tokens, device=self._weight.device)].float().cpu()

    def nearest(self, vectors: Tensor, *, either_sense: bool = False) -> list[tuple[tuple[int, float], ...]]:
        """Returns (token, cosine similarity) of the tokens nearest to each vector (n, d).

        either_sense: ranks by absolute similarity.
        """
        device = self._weight.device
        wanted = normalize(vectors.float(), dim=1).to(device)
        best, tokens = torch.empty(len(wanted), 0), torch.empty(len(wanted), 0, dtype=torch.long)
        for start in range(0, len(self._allowed), _ROWS_AT_A_TIME):
            rows = self._weight[start : min(start + _ROWS_AT_A_TIME, len(self._allowed))].float()
            similar = (wanted @ normalize(rows, dim=1).T).cpu()
            similar[:, ~self._allowed[start : start + len(rows)]] = 0.0
            best = torch.cat([best, similar], dim=1)
            tokens = torch.cat([tokens, torch.arange(start, start + len(rows)).expand(len(wanted), -1)], dim=1)
            order = (best.abs() if either_sense else best).topk(min(_WORDS, best.shape[1]), dim=1).indices
            best, tokens = best.gather(1, order), tokens.gather(1, order)
        return [
            tuple(zip(ids, values, strict=True)) for ids, values in zip(tokens.tolist(), best.tolist(), strict=True)
        ]

    def words(self, near: Sequence[tuple[int, float]]) -> tuple[Word, ...]:
        """Replaces the token ids by the tokens' texts."""
        return tuple((str(self._tokenizer.decode([token])), round(value, 4)) for token, value in near)
