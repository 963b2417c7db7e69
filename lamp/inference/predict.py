"""Answers inputs with a label and its probability, or with free text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import Prefix
from lamp.data.encoding import Encoder
from lamp.inference.batched import OnProgress
from lamp.inference.generate import OnText, generate
from lamp.inference.label_scores import label_log_likelihoods, vote
from lamp.sampling import GREEDY, Sampling


@dataclass(frozen=True)
class Prediction:
    """The answer to one input."""

    text: str
    probabilities: dict[str, float]
    """Probability of each label; empty for generation"""


def predict(
    backbone: FrozenBackbone,
    prefixes: Sequence[Prefix],
    encoder: Encoder,
    inputs: Sequence[Sequence[int]],
    labels: Sequence[str],
    on_text: OnText | None = None,
    on_progress: OnProgress = lambda _: None,
    sampling: Sampling = GREEDY,
) -> list[Prediction]:
    """Answers every input (token ids) with the most likely label, or with free text if there are no labels.

    prefixes: one for each input, of one prompt or of several; on_text: called while free text is generated; on_progress
    may raise to stop the work; sampling: for free text only.
    """
    if not labels:
        texts = generate(
            backbone, prefixes, encoder, inputs, on_progress=on_progress, on_text=on_text, sampling=sampling
        )
        return [Prediction(text, {}) for text in texts]
    return _most_likely(
        label_log_likelihoods(backbone, prefixes, encoder, inputs, labels, on_progress=on_progress), labels
    )


def predict_by_vote(
    backbone: FrozenBackbone,
    voters: Sequence[Prefix],
    encoder: Encoder,
    inputs: Sequence[Sequence[int]],
    labels: Sequence[str],
    on_progress: OnProgress = lambda _: None,
) -> list[Prediction]:
    """Answers every input with the label that several prompts together rate the most likely.

    voters: the prompts, each of which reads every input; on_progress: as in `predict`.
    """
    prefixes = [voter for voter in voters for _ in inputs]
    every = [tokens for _ in voters for tokens in inputs]
    likelihoods = label_log_likelihoods(backbone, prefixes, encoder, every, labels, on_progress=on_progress)
    return _most_likely(vote(likelihoods.view(len(voters), len(inputs), len(labels))), labels)


def _most_likely(likelihoods: Tensor, labels: Sequence[str]) -> list[Prediction]:
    """Returns the most likely label of each input. likelihoods: (inputs, labels)."""
    distributions = [dict(zip(labels, row, strict=True)) for row in likelihoods.softmax(dim=1).tolist()]
    return [Prediction(max(shares, key=shares.__getitem__), shares) for shares in distributions]
