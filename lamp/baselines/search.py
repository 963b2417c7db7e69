"""Trains one way while it searches for the learning rate, as a prompt's training does, but one candidate at a time.

LoRA changes the backbone itself, so candidates cannot share a batch. The rungs, the schedule, the batches and the
comparison are those of `lamp.training.train`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from lamp.backbone.frozen import FrozenBackbone
from lamp.config import TrainConfig
from lamp.data.batching import batch_stream
from lamp.data.encoding import Encoded, Encoder
from lamp.errors import TrainingError
from lamp.inference.evaluate import HeldOut, evaluate
from lamp.inference.scores import Scores, is_better
from lamp.training.candidate import SMOOTHING
from lamp.training.halving import rungs
from lamp.training.step import LossDiverged, train_step
from lamp.training.train import schedule
from lamp.training.trainer import PromptTrainer

Weights = dict[str, Tensor]
OnProgress = Callable[[float], None]


@dataclass(frozen=True)
class Training:
    """The settings and data that all candidates of a way share."""

    backbone: FrozenBackbone
    encoder: Encoder
    rows: Sequence[Encoded]
    validation: HeldOut
    settings: TrainConfig
    """The settings, with the number of steps to take."""
    note: Callable[[str], None]
    """Called with lines for the log."""


@dataclass(frozen=True)
class Trained:
    """The outcome of a way's training; the best weights are in its module."""

    learning_rate: float
    rate_at_edge: bool
    seconds: float


@dataclass(eq=False)
class _Candidate:
    """One learning rate, with the weights trained at it."""

    rate: float
    weights: Weights
    mean: Weights | None = None
    """Mean weights of the last steps."""
    moments: Weights = field(default_factory=dict)
    scale: Mapping[str, Any] | None = None
    step: int = 0
    loss: float = math.inf
    """Validation loss of its mean weights; infinite if not a number."""


def train_at_found_rate(
    training: Training, module: nn.Module, rates: Sequence[float], on_progress: OnProgress
) -> Trained:
    """Trains a module, which returns virtual tokens or None when called, and leaves the best weights in it.

    on_progress: called before each step and batch with the share that is done; may raise to stop the work. Raises
    TrainingError if no rate gives a finite loss.
    """
    return _Search(training, module, rates, on_progress).run()


class _Search:
    """The candidates of one way, one of which is in the module at a time."""

    def __init__(self, training: Training, module: nn.Module, rates: Sequence[float], on_progress: OnProgress) -> None:
        backbone, settings = training.backbone, training.settings
        collate = partial(training.encoder.batch, device=backbone.device)
        self._training, self._module, self._on_progress = training, module, on_progress
        self._trainer = PromptTrainer.create(backbone, [module], collate, settings, training.note)
        self._optimizer = self._trainer.prompts[0]
        self._rates, self._rungs = rates, rungs(len(rates), settings.steps)
        self._candidates = [_Candidate(rate, self._weights()) for rate in rates]
        self._taken, self._all = 0, _steps_of(self._rungs, len(rates), settings.steps)

    def run(self) -> Trained:
        began = time.perf_counter()
        for rung in self._rungs:
            for candidate in self._candidates:
                self._train(candidate, rung.step)
                self._compare(candidate)
            finite = [candidate for candidate in self._candidates if math.isfinite(candidate.loss)]
            if not finite:
                raise TrainingError("At every learning rate that was tried the loss became no finite number.")
            self._candidates = sorted(finite, key=lambda candidate: candidate.loss)[: rung.keep]
        winner = self._candidates[0]
        self._finish(winner)
        at_edge = winner.rate in (min(self._rates), max(self._rates))
        return Trained(winner.rate, at_edge, time.perf_counter() - began)

    def _finish(self, winner: _Candidate) -> None:
        """Trains the winner to the end, and leaves the weights of its best evaluation in the module."""
        settings, best, best_scores = self._training.settings, winner.weights, None
        every = settings.evaluate_every
        for stop in [*range((winner.step // every + 1) * every, settings.steps, every), settings.steps]:
            self._train(winner, stop)
            if not math.isfinite(winner.loss):
                break
            scores = self._scores()
            self._training.note(f"Step {stop}, learning rate {winner.rate:g}: held-out loss {scores['loss']:.4g}")
            if best_scores is None or is_better(scores, best_scores):
                best, best_scores = winner.weights, scores
        if best_scores is None:
            raise TrainingError(f"The loss became no finite number at the best learning rate, {winner.rate:g}.")
        self._put(best)

    def _train(self, candidate: _Candidate, until: int) -> None:
        """Trains a candidate up to step `until`; its loss becomes infinite if that of a step is not finite."""
        training = self._training
        self._put(candidate.weights)
        self._optimizer.restore(candidate.moments, candidate.scale)
        for order in islice(self._batches(candidate.step), until - candidate.step):
            self._on_progress(self._taken / self._all)
            rate = candidate.rate * schedule(candidate.step, training.settings)
            try:
                train_step(self._trainer, [training.rows[index] for index in order], rate)
            except LossDiverged:
                candidate.loss = math.inf
                return
            candidate.step += 1
            self._taken += 1
            now, before = self._weights(), candidate.mean
            candidate.mean = (
                now if before is None else {name: before[name].lerp(now[name], 1 - SMOOTHING) for name in now}
            )
        candidate.weights, candidate.loss = self._weights(), 0.0
        scaler = self._optimizer.scaler
        candidate.moments = {name: value.clone() for name, value in self._optimizer.moments().items()}
        candidate.scale = scaler.state_dict() if scaler else None

    def _compare(self, candidate: _Candidate) -> None:
        """Computes the loss of a candidate's mean weights: at a high rate the weights themselves oscillate."""
        if not math.isfinite(candidate.loss) or candidate.mean is None:
            return
        self._put(candidate.mean)
        loss = self._scores()["loss"]
        candidate.loss = loss if math.isfinite(loss) else math.inf
        self._training.note(f"Step {candidate.step}: learning rate {candidate.rate:g}, held-out loss {loss:.4g}")

    def _batches(self, start: int) -> Iterator[list[int]]:
        """Yields the row indices of each step from step `start` on."""
        settings = self._training.settings
        lengths, times = [row.length for row in self._training.rows], settings.accumulation
        stream = batch_stream(lengths, settings.batch_size, settings.seed, start * times)
        while True:
            yield [index for _ in range(times) for index in next(stream)]

    def _scores(self) -> Scores:
        """Scores the module's weights on the validation rows."""
        training, share = self._training, self._taken / self._all
        with torch.inference_mode():
            virtual = self._module()
            return evaluate(
                training.backbone,
                virtual,
                training.encoder,
                training.validation,
                on_progress=lambda _: self._on_progress(share),
            ).scores

    def _weights(self) -> Weights:
        return {name: weight.detach().clone() for name, weight in self._module.named_parameters()}

    def _put(self, weights: Weights) -> None:
        with torch.no_grad():
            for name, weight in self._module.named_parameters():
                weight.copy_(weights[name])


def _steps_of(plan: Sequence[Any], candidates: int, steps: int) -> int:
    """Returns the number of steps of all candidates together."""
    total, at = 0, 0
    for rung in plan:
        total += candidates * (rung.step - at)
        candidates, at = rung.keep, rung.step
    return total + steps - at
