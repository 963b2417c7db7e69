"""Answers to inputs: a label with its probability, or free text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from lamp.backbone import FrozenBackbone
from lamp.encoding import Encoder
from lamp.generate import generate
from lamp.label_scores import label_log_likelihoods


@dataclass(frozen=True)
class Prediction:
    """One answer."""

    text: str
    probabilities: dict[str, float]
    """Label → probability; empty for generation"""


def predict(
    backbone: FrozenBackbone,
    virtual: Tensor | None,
    encoder: Encoder,
    inputs: Sequence[Sequence[int]],
    labels: Sequence[str],
) -> list[Prediction]:
    """Answers every input (token ids) with the most likely label, or in free text when there are no labels.

    virtual: (l', hidden), or None for the backbone alone.
    """
    if not labels:
        return [Prediction(text, {}) for text in generate(backbone, virtual, encoder, inputs)]
    shares = label_log_likelihoods(backbone, virtual, encoder, inputs, labels).softmax(dim=1).tolist()
    found = [dict(zip(labels, row, strict=True)) for row in shares]
    return [Prediction(max(row, key=row.__getitem__), row) for row in found]
