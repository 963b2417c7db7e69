"""Where a training run stands: its progress, its best prompt, and when it is scored, saved and stopped."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lamp.config import LampConfig, TrainConfig
from lamp.data.encoding import Encoder
from lamp.errors import TrainingError
from lamp.inference.evaluate import Evaluation, HeldOut, evaluate
from lamp.inference.scores import is_better
from lamp.prompt import LampPrompt
from lamp.training.log_text import format_scores, shorten
from lamp.training.progress import Progress, restore_progress, save_progress
from lamp.training.reporter import Reporter
from lamp.training.result import TrainResult
from lamp.training.step import LossDiverged, PromptTrainer

_SAMPLES = 3
"""Held-out predictions written to the log at each evaluation."""


class StopRequested(Exception):
    """Somebody wants the run to end; raised between two steps, or between two batches of an evaluation."""


class RunState:
    """The progress of one run and its best prompt; evaluates, writes checkpoints and checks for a stop."""

    def __init__(
        self,
        trainer: PromptTrainer,
        prompt: LampPrompt,
        encoder: Encoder,
        held_out: HeldOut,
        settings: TrainConfig,
        reporter: Reporter,
        checkpoints: Path,
    ) -> None:
        self._trainer, self._prompt, self._encoder, self._held_out = trainer, prompt, encoder, held_out
        self._settings, self._reporter, self._checkpoints = settings, reporter, checkpoints
        self._progress = Progress(micro_batch=settings.batch_size)
        self._best: Mapping[str, Tensor] = prompt.factors()

    @property
    def step(self) -> int:
        """Steps taken so far."""
        return self._progress.step

    def advance(self) -> None:
        """Counts one step more."""
        self._progress.step += 1

    def restore(self, saved: tuple[Mapping[str, Tensor], Mapping[str, Any]]) -> None:
        """Goes on from a checkpoint, as `newest_checkpoint` gives it."""
        trainer = self._trainer
        self._best, self._progress = restore_progress(saved, self._prompt, trainer.optimizer, self._held_out.labels)
        trainer.micro_batch = self._progress.micro_batch
        if trainer.graphs is not None and self._progress.graphs is not None:
            trainer.graphs.restore(self._progress.graphs)
        if trainer.accelerator.scaler and self._progress.gradient_scale:
            trainer.accelerator.scaler.load_state_dict(self._progress.gradient_scale)
        self._reporter.note(f"Going on from the checkpoint at step {self.step}.")

    def score_untrained(self) -> None:
        """Scores the backbone without a prompt, unless a checkpoint has these scores."""
        if self._progress.untrained is not None:
            return
        self._reporter.phase("Scoring the untrained backbone")
        self._progress.untrained = self._evaluate(None).scores
        self._reporter.note(f"Untrained backbone: {format_scores(self._progress.untrained)}")
        self._log_scores(self._progress.untrained)

    def evaluate_and_checkpoint(self) -> None:
        """Scores the prompt and writes a checkpoint, each where it is due at this step."""
        step, settings, progress = self.step, self._settings, self._progress
        if step > progress.scored and _is_due(step, settings.evaluate_every, settings.steps):
            self._reporter.phase(f"Scoring on {len(self._held_out.examples)} held-out rows")
            evaluation = self._evaluate(self._prompt().detach())
            self._reporter.note(f"Step {step}: {format_scores(evaluation.scores)}")
            self._log_scores(evaluation.scores)
            progress.scored, progress.waited = step, progress.waited + 1
            if progress.best_scores is None or is_better(evaluation.scores, progress.best_scores):
                self._best, progress.waited = self._prompt.factors(), 0
                progress.best_step, progress.best_scores = step, evaluation.scores
                progress.best_confusion = evaluation.confusion
            self._reporter.phase("Training")
        if step and _is_due(step, settings.checkpoint_every, settings.steps):
            self.save()

    def save(self) -> None:
        """Writes a checkpoint. Raises OSError, as when the disk is full."""
        accelerator = self._trainer.accelerator
        if accelerator.is_main_process:
            self._progress.micro_batch = self._trainer.micro_batch
            self._progress.graphs = self._trainer.graphs.state() if self._trainer.graphs else None
            self._progress.gradient_scale = accelerator.scaler.state_dict() if accelerator.scaler else None
            save_progress(self._checkpoints, self._prompt, self._trainer.optimizer, self._best, self._progress)

    def has_stopped_improving(self) -> bool:
        """Whether the recipe's patience is at its end."""
        waited = self._progress.waited
        if not 0 < self._settings.patience <= waited:
            return False
        self._reporter.note(f"No better score in {waited} evaluations: ending early.")
        return True

    def check_stop(self, share: float | None = None) -> None:
        """Raises StopRequested where the run is to end; share: how much of a long phase is done."""
        if _any_process(self._trainer, self._reporter.should_stop()):
            raise StopRequested
        if share is not None:
            self._reporter.part(share)

    def failure(self, error: LossDiverged, learning_rate: float) -> str:
        """Why the run cannot go on, in one sentence. Raises TrainingError when it has no prompt worth keeping."""
        sentence = (
            f"The loss became {error.loss} at step {self.step + 1} with a learning rate of {learning_rate:g}: "
            "try a smaller one, or the precision fp32"
        )
        if self._progress.best_scores is None:
            raise TrainingError(f"{sentence}.")
        return f"{sentence}; the prompt of step {self._progress.best_step}, the best one so far, was kept."

    def result(self, lamp: LampConfig, task: str, *, stopped: bool, failure: str) -> TrainResult:
        """The best prompt and its scores. For generation its answers are scored first, unless the run ended early."""
        progress, trainer = self._progress, self._trainer
        if progress.best_scores is None:  # stopped before the first evaluation
            self._best, progress.best_step = self._prompt.factors(), self.step
        best = LampPrompt(self._best["u"], self._best["q"], self._best["v"], lamp.pooling, lamp.interactions)
        virtual_tokens = best().detach()
        if not self._held_out.labels and not stopped and not failure:
            self._reporter.phase("Writing answers to held-out rows")
            try:
                on_device = virtual_tokens.to(trainer.accelerator.device)
                progress.best_scores = self._evaluate(on_device, write_answers=True).scores
            except StopRequested:
                self._reporter.note("Stopped before answers were written to held-out rows; everything else is done.")
        return TrainResult(
            factors=dict(self._best),
            virtual_tokens=virtual_tokens,
            token_dim=trainer.backbone.hidden_size,
            scores=progress.best_scores or {},
            untrained_scores=progress.untrained or {},
            best_step=progress.best_step,
            step=self.step,
            stopped=stopped,
            failure=failure,
            task=task,
            labels=self._held_out.labels,
            encoder_decoder=trainer.backbone.is_encoder_decoder,
            chat=self._encoder.chat,
            confusion=progress.best_confusion,
        )

    def _evaluate(self, virtual: Tensor | None, *, write_answers: bool = False) -> Evaluation:
        """Scores of virtual tokens (l', hidden), or of the backbone alone; a few answers go to the log."""
        began = time.perf_counter()
        with torch.inference_mode():
            evaluation = evaluate(
                self._trainer.backbone,
                virtual,
                self._encoder,
                self._held_out,
                write_answers=write_answers,
                on_progress=self.check_stop,
            )
        self._reporter.log(self.step, {"scoring_seconds": time.perf_counter() - began})
        for example, answer in list(zip(self._held_out.examples, evaluation.predictions, strict=False))[:_SAMPLES]:
            self._reporter.note(f"  {shorten(example.text)} → {answer!r} (target {example.target!r})")
        return evaluation

    def _log_scores(self, scores: Mapping[str, float]) -> None:
        self._reporter.log(self.step, {f"validation/{name}": value for name, value in scores.items()})


def _is_due(step: int, every: int, last: int) -> bool:
    return step == last or step % every == 0


def _any_process(trainer: PromptTrainer, stop: bool) -> bool:
    """Whether any process wants to stop: all must leave the loop at the same step, or the others wait for ever."""
    accelerator = trainer.accelerator
    if accelerator.num_processes == 1:
        return stop
    return bool(accelerator.reduce(torch.tensor(float(stop), device=accelerator.device)).item())
