"""A prompt in training with what is known of it: alone in an ordinary run, one of several while a rate is searched."""

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
"""Weight of the earlier steps in a candidate's mean loss and mean prompt, which so reach back about five steps."""


@dataclass
class Standing:
    """How a candidate has done so far."""

    best_step: int = 0
    best_scores: Scores | None = None
    waited: int = 0
    """Evaluations since the best one."""
    held_out_loss: float | None = None
    """At the last evaluation; None before the first, and where it was no finite number."""
    mean_loss: float | None = None
    """Mean training loss of the last steps; None before the first."""
    dropped_at: int | None = None
    """The step after which it was dropped; None while it is trained."""


@dataclass(eq=False)
class Candidate:
    """A prompt, its recipe with a learning rate in numbers, and its standing."""

    name: str
    """Tells candidates apart, such as "0.04" (lamp/training/sweep_recipes.py)."""
    recipe: TuneConfig
    prompt: LampPrompt
    optimizer: PromptOptimizer
    best: Mapping[str, Tensor]
    """Factors of the best evaluation, and before it the first ones."""
    standing: Standing = field(default_factory=Standing)
    mean_prompt: Tensor | None = None
    """Mean virtual tokens (l', hidden) of the last steps, by which candidates are compared; None where they are not.

    At a high rate a prompt swings about its path. Its mean tells how good it will be when the rate has fallen.
    """

    @property
    def learning_rate(self) -> float:
        """The highest rate of its schedule."""
        return float(self.recipe.train.learning_rate)

    def take(self, evaluation: Evaluation, step: int) -> None:
        """Counts an evaluation after `step` steps; the best one keeps its factors."""
        standing = self.standing
        standing.waited += 1
        if standing.best_scores is None or is_better(evaluation.scores, standing.best_scores):
            self.best, standing.waited = self.prompt.factors(), 0
            standing.best_step, standing.best_scores = step, evaluation.scores

    def take_loss(self, loss: float) -> None:
        """Counts a step's training loss."""
        before = self.standing.mean_loss
        self.standing.mean_loss = loss if before is None else SMOOTHING * before + (1 - SMOOTHING) * loss

    def take_prompt(self) -> None:
        """Counts the prompt after a step."""
        now, before = self.prompt().detach(), self.mean_prompt
        self.mean_prompt = now if before is None else before.lerp(now, 1 - SMOOTHING)

    def keep_last(self, step: int) -> None:
        """Takes the factors after `step` steps for the best ones, unless their loss has diverged."""
        factors = self.prompt.factors()
        if all(bool(torch.isfinite(factor).all()) for factor in factors.values()):
            self.best, self.standing.best_step = factors, step

    def drop(self, step: int) -> None:
        """Ends the training of this candidate after `step` steps; one that was never scored keeps its last factors."""
        self.standing.dropped_at = step
        if self.standing.best_scores is None:
            self.keep_last(step)

    def best_prompt(self) -> LampPrompt:
        """The prompt of the best factors, on the CPU."""
        lamp, best = self.recipe.lamp, self.best
        return LampPrompt(best["u"], best["q"], best["v"], lamp.pooling, lamp.interactions)

    @property
    def rank(self) -> tuple[float, float]:
        """Sorts candidates, the best first: by held-out loss, and before that is known by training loss."""
        held_out, mean = self.standing.held_out_loss, self.standing.mean_loss
        return math.inf if held_out is None else held_out, math.inf if mean is None else mean

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint keeps: the best factors, and while it is trained its factors and AdamW's moments."""
        tensors = {f"best/{name}": value for name, value in self.best.items()}
        if self.standing.dropped_at is None:
            tensors |= {f"factor/{name}": value for name, value in self.prompt.factors().items()}
            tensors |= {f"adamw/{name}": value for name, value in self.optimizer.moments().items()}
            tensors |= {"mean_prompt": self.mean_prompt} if self.mean_prompt is not None else {}
        return tensors

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps beside the tensors, as JSON can hold it."""
        scaler = self.optimizer.scaler
        return {**vars(self.standing), "gradient_scale": scaler.state_dict() if scaler else None}

    def restore(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Goes on from what `tensors` and `state` gave."""
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
    """The tensors whose names begin with the prefix, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
