"""What a training run returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from lamp.data.chat import ChatAffixes
from lamp.inference.inspection import Inspection
from lamp.training.final_scores import FinalScores


@dataclass(frozen=True, eq=False)
class Voter:
    """A prompt that votes on labels beside the best one."""

    factors: Mapping[str, Tensor]
    """u (l, r), q (r,), v (r, d), float32"""
    virtual_tokens: Tensor
    """(l', d), float32"""


@dataclass(frozen=True)
class TrainResult:
    """The best prompt of a run and its scores."""

    factors: dict[str, Tensor]
    """u (l, r), q (r,), v (r, d), float32"""
    virtual_tokens: Tensor
    """The composed prompt (l', d), float32"""
    voters: tuple[Voter, ...]
    """The other prompts that vote with this one on labels; empty if this one answers alone"""
    token_dim: int
    """Width of the backbone's embeddings"""
    final: FinalScores
    """Scores of the best prompt on held-out rows"""
    inspection: Inspection | None
    """What the Inspect tab shows of the prompt; None if it could not be computed"""
    learning_rate: float
    """The recipe's learning rate, or the one that was found"""
    best_step: int
    step: int
    """Number of steps taken"""
    stopped: bool
    """Whether somebody asked the run to end before its last step"""
    failure: str
    """Why the run could not reach its last step, as one sentence that says what to try; empty if it did"""
    task: str
    labels: tuple[str, ...]
    encoder_decoder: bool
    auto_class: str
    """The transformers class that loads the backbone, such as AutoModelForCausalLM"""
    chat: ChatAffixes
    """What the backbone's chat template puts around every input"""
