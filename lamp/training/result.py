"""What a training run returns."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from lamp.data.chat import ChatAffixes
from lamp.inference.confusion_matrix import ConfusionMatrix
from lamp.inference.scores import Scores


@dataclass(frozen=True)
class TrainResult:
    """The best prompt of a run and how it did."""

    factors: dict[str, Tensor]
    """u (l, r), q (r,), v (r, d), float32"""
    virtual_tokens: Tensor
    """The composed prompt (l', d), float32"""
    token_dim: int
    """Width of the backbone's embeddings"""
    scores: Scores
    """Scores of the best prompt on the held-out rows"""
    untrained_scores: Scores
    """Scores of the backbone alone on the same rows"""
    learning_rate: float
    """The one of the recipe, or the one that was found"""
    best_step: int
    step: int
    """Number of steps taken"""
    stopped: bool
    """Whether the run was asked to end before its last step"""
    failure: str
    """Why the run could not reach its last step, in one sentence that says what to try; empty when it did"""
    task: str
    labels: tuple[str, ...]
    encoder_decoder: bool
    chat: ChatAffixes
    """What the backbone's chat template puts around every input"""
    confusion: ConfusionMatrix | None
    """Confusion matrix of the best prompt; None for generation and before the first evaluation"""
