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
    """A prompt that votes beside the best one."""

    factors: Mapping[str, Tensor]
    """As those of TrainResult"""
    virtual_tokens: Tensor
    """(l', d), float32"""


@dataclass(frozen=True)
class TrainResult:
    """The best prompt of a run and how it did."""

    factors: dict[str, Tensor]
    """u (l, r), q (r,), v (r, d), float32"""
    virtual_tokens: Tensor
    """The composed prompt (l', d), float32"""
    voters: tuple[Voter, ...]
    """The other prompts that vote with this one on labels; empty where this one answers alone"""
    token_dim: int
    """Width of the backbone's embeddings"""
    final: FinalScores
    """How the best prompt does on held-out rows"""
    inspection: Inspection | None
    """What can be seen in it; None where looking at it failed"""
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
    auto_class: str
    """The class of transformers that loads the backbone, such as AutoModelForCausalLM"""
    chat: ChatAffixes
    """What the backbone's chat template puts around every input"""
