"""A prompt in training with its recipe and results: a run has one, or several while it searches for a learning rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from lamp.config import TuneConfig
from lamp.inference.evaluate import Evaluation
from lamp.inference.scores import Scores, is_better
from lamp.prompt import LampPrompt
from lamp.training.prompt_optimizer import PromptOptimizer

SMOOTHING = 0.8
"""Weight of the earlier steps in a candidate's mean loss and mean prompt: the means cover about five steps."""


@dataclass
class Standing:
    """The results of a candidate so far."""

    best_step: int = 0
    best_scores: Scores | None = None
    waited: int = 0
    """Number of evaluations since the best one."""
    held_out_loss: float | None = None
    """Loss at the last comparison; None before the first, and where it was not finite."""
    mean_loss: float | None = None
    """Mean training loss of the last steps; None before the first."""
    dropped_at: int | None = None
    """Step after which the candidate was dropped; None while it is trained."""


@dataclass(eq=False)
class Candidate:
    """A prompt in training, its recipe with a numeric learning rate, and its results so far."""

    name: str
    """Unique among the candidates of a run, such as "0.04" (lamp/training/sweep_recipes.py)."""
    recipe: TuneConfig
    prompt: LampPrompt
    optimizer: PromptOptimizer
    best: Mapping[str, Tensor]
    """Factors at the best evaluation; before the first evaluation, the initial factors."""
    standing: Standing = field(default_factory=Standing)
    mean_prompt: Tensor | None = None
    """Mean virtual tokens (l', hidden) of the last steps, by which candidates are compared; else None.

    At a high learning rate a prompt oscillates. Its mean shows how good it will be once the rate has fallen.
    """

    @property
    def learning_rate(self) -> float:
        """The peak learning rate of its schedule."""
        return float(self.recipe.train.learning_rate)

    def take(self, evaluation: Evaluation, step: int) -> None:
        """Records an evaluation after `step` steps, and copies the factors if it is the best one so far."""
        standing = self.standing
        standing.waited += 1
        if standing.best_scores is None or is_better(evaluation.scores, standing.best_scores):
            self.best, standing.waited = self.prompt.factors(), 0
            standing.best_step, standing.best_scores = step, evaluation.scores

    def take_loss(self, loss: float) -> None:
        """Adds a step's training loss to the mean."""
        before = self.standing.mean_loss
        self.standing.mean_loss = loss if before is None else SMOOTHING * before + (1 - SMOOTHING) * loss

    def take_prompt(self) -> None:
        """Adds the prompt after a step to the mean."""
        now, before = self.prompt().detach(), self.mean_prompt
        self.mean_prompt = now if before is None else before.lerp(now, 1 - SMOOTHING)

    def keep_last(self, step: int) -> None:
        """Makes the factors after `step` steps the best ones, unless they are not finite."""
        factors = self.prompt.factors()
        if all(bool(torch.isfinite(factor).all()) for factor in factors.values()):
            self.best, self.standing.best_step = factors, step

    def drop(self, step: int) -> None:
        """Ends the training of this candidate after `step` steps; if it was never scored, its last factors are kept."""
        self.standing.dropped_at = step
        if self.standing.best_scores is None:
            self.keep_last(step)

    def best_prompt(self) -> LampPrompt:
        """Returns the prompt with the best factors, on the CPU."""
        lamp, best = self.recipe.lamp, self.best
        return LampPrompt(best["u"], best["q"], best["v"], lamp.pooling, lamp.interactions)

    @property
    def rank(self) -> tuple[float, float]:
        """Sort key, best candidate first: by held-out loss, or by training loss before that is known."""
        held_out, mean = self.standing.held_out_loss, self.standing.mean_loss
        return math.inf if held_out is None else held_out, math.inf if mean is None else mean

    def tensors(self) -> dict[str, Tensor]:
        """Returns the tensors of a checkpoint: the best factors and, while it is trained, its factors and AdamW's
        moments."""
        tensors = {f"best/{name}": value for name, value in self.best.items()}
        if self.standing.dropped_at is None:
            tensors |= {f"factor/{name}": value for name, value in self.prompt.factors().items()}
            tensors |= {f"adamw/{name}": value for name, value in self.optimizer.moments().items()}
            tensors |= {"mean_prompt": self.mean_prompt} if self.mean_prompt is not None else {}
        return tensors

    def state(self) -> dict[str, Any]:
        """Returns the values of a checkpoint that are not tensors, as JSON can hold them."""
        scaler = self.optimizer.scaler
        return {**vars(self.standing), "gradient_scale": scaler.state_dict() if scaler else None}

    def restore(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Continues from the values that `tensors` and `state` returned."""
        scale, known = state.get("gradient_scale"), {field.name for field in fields(Standing)}
        self.standing = Standing(**{name: state[name] for name in state if name in known})
        self.best = _within("best/", tensors)
        if self.standing.dropped_at is None:
            for name, parameter in self.prompt.named_parameters():
                parameter.data.copy_(tensors[f"factor/{name}"])
            self.optimizer.restore(_within("adamw/", tensors), scale)
        if "mean_prompt" in tensors:
            self.mean_prompt = tensors["mean_prompt"].to(self.prompt.u.device)


def _within(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the tensors whose names begin with the prefix, named without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
