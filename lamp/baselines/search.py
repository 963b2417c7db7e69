"""Trains one way at a rate that is found: as a prompt's own is, but one candidate after the other.

LoRA changes the backbone itself, so that candidates cannot share a batch. The rungs, the schedule, the batches and what
is compared are those of `lamp.training.train`.
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
    """What all candidates of a way share."""

    backbone: FrozenBackbone
    encoder: Encoder
    rows: Sequence[Encoded]
    validation: HeldOut
    settings: TrainConfig
    """With the number of steps that are taken."""
    note: Callable[[str], None]
    """Called with lines for the log."""


@dataclass(frozen=True)
class Trained:
    """How the training of a way went; the best weights are in its module."""

    learning_rate: float
    rate_at_edge: bool
    seconds: float


@dataclass(eq=False)
class _Candidate:
    """One rate, with the weights that it has led to."""

    rate: float
    weights: Weights
    mean: Weights | None = None
    """Mean weights of the last steps."""
    moments: Weights = field(default_factory=dict)
    scale: Mapping[str, Any] | None = None
    step: int = 0
    loss: float = math.inf
    """Of its mean weights on the validation rows; infinite where that is no number."""


def train_at_found_rate(
    training: Training, module: nn.Module, rates: Sequence[float], on_progress: OnProgress
) -> Trained:
    """Trains a module, whose call gives virtual tokens or None, and leaves the best weights in it.

    on_progress: called before each step and batch with the share that is done; may raise to end the work. Raises
    TrainingError when no rate leads to a finite loss.
    """
    return _Search(training, module, rates, on_progress).run()


class _Search:
    """The candidates of one way, of which one is in the module at a time."""

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
        """Trains the winner to the end; the weights of its best evaluation are left in the module."""
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
        """Takes a candidate's steps up to `until`; its loss is infinite once a step has none that is finite."""
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
        """Finds the loss of a candidate's mean weights: at a high rate the weights swing about their path."""
        if not math.isfinite(candidate.loss) or candidate.mean is None:
            return
        self._put(candidate.mean)
        loss = self._scores()["loss"]
        candidate.loss = loss if math.isfinite(loss) else math.inf
        self._training.note(f"Step {candidate.step}: learning rate {candidate.rate:g}, held-out loss {loss:.4g}")

    def _batches(self, start: int) -> Iterator[list[int]]:
        """The rows of each step from step `start` on."""
        settings = self._training.settings
        lengths, times = [row.length for row in self._training.rows], settings.accumulation
        stream = batch_stream(lengths, settings.batch_size, settings.seed, start * times)
        while True:
            yield [index for _ in range(times) for index in next(stream)]

    def _scores(self) -> Scores:
        """Scores of the module's weights on the validation rows."""
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
    """Steps of all candidates together."""
    total, at = 0, 0
    for rung in plan:
        total += candidates * (rung.step - at)
        candidates, at = rung.keep, rung.step
    return total + steps - at
