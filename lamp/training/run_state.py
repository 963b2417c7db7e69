"""Where a training run stands: its candidates, and when they are scored, dropped, saved and stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lamp.backbone.devices import process_state
from lamp.config import TuneConfig
from lamp.data.encoding import Encoder
from lamp.errors import TrainingError
from lamp.inference.evaluate import Evaluation, HeldOut, evaluate
from lamp.inference.inspect_prompt import inspect_prompt
from lamp.inference.inspection import Inspection
from lamp.prompt import LampPrompt
from lamp.training.candidate import Candidate, compared
from lamp.training.final_scores import FinalScores, FinalTest
from lamp.training.halving import Rung
from lamp.training.log_text import format_scores, sample_line, samples_of
from lamp.training.peak_memory import RisingPeak
from lamp.training.progress import Progress, restore_progress, save_progress
from lamp.training.reporter import Reporter
from lamp.training.result import TrainResult
from lamp.training.step import LossDiverged, StepResult
from lamp.training.stopping import StopRequested, any_process
from lamp.training.trainer import PromptTrainer


class RunState:
    """The progress of one run: scores its candidates, drops the worse ones, writes checkpoints, checks for a stop."""

    def __init__(
        self,
        trainer: PromptTrainer,
        candidates: Sequence[Candidate],
        rungs: Sequence[Rung],
        encoder: Encoder,
        held_out: HeldOut,
        final_test: FinalTest,
        first_prompt: Callable[[TuneConfig], LampPrompt | None],
        reporter: Reporter,
        checkpoints: Path,
    ) -> None:
        """candidates: those of the trainer; rungs: when some of them are dropped; held_out: the validation rows;
        first_prompt: the prompt that a recipe starts from, None where it is not there any more."""
        self._trainer, self._encoder, self._held_out, self._final_test = trainer, encoder, held_out, final_test
        self._first_prompt, self._reporter, self._checkpoints = first_prompt, reporter, checkpoints
        self.candidates, self._rungs = candidates, rungs
        self._settings = candidates[0].recipe.train
        self._progress = Progress(micro_batch=trainer.micro_batch)
        self._memory = RisingPeak(trainer.backbone.device)

    @property
    def step(self) -> int:
        """Steps taken so far."""
        return self._progress.step

    @property
    def trained(self) -> list[Candidate]:
        """The candidates that were not dropped."""
        return [candidate for candidate in self.candidates if candidate.standing.dropped_at is None]

    @property
    def leader(self) -> Candidate:
        """The best of those."""
        return min(self.trained, key=lambda candidate: candidate.rank)

    def restore(self, saved: tuple[Mapping[str, Tensor], Mapping[str, Any]]) -> None:
        """Goes on from a checkpoint, as `newest_checkpoint` gives it."""
        trainer = self._trainer
        self._progress = restore_progress(saved, self.candidates)
        trainer.prompts = [candidate.optimizer for candidate in self.trained]
        trainer.micro_batch = self._progress.micro_batch
        if trainer.graphs is not None and self._progress.graphs is not None:
            trainer.graphs.restore(self._progress.graphs)
        self._reporter.note(f"Going on from the checkpoint at step {self.step}.")

    def score_untrained(self) -> None:
        """Scores the backbone without a prompt, unless a checkpoint has these scores."""
        if self._progress.untrained is not None:
            return
        self._reporter.phase("Scoring the untrained backbone")
        evaluation = self._evaluate(None)
        self._progress.untrained = evaluation.scores
        self._reporter.note(f"Untrained backbone: {format_scores(evaluation.scores)}")
        self._note_samples(evaluation)
        self._log_scores(evaluation.scores)

    def training_phase(self) -> str:
        """What the run is doing between evaluations."""
        if self._searching:
            return f"Trying {len(self.trained)} learning rates"
        return "Training"

    @property
    def _searching(self) -> bool:
        """Whether candidates are still to be dropped."""
        return any(rung.keep < len(self.trained) for rung in self._rungs)

    def record(self, measured: Sequence[StepResult], rate_share: float, rows_per_second: float) -> None:
        """Counts a step. rate_share: factor of the schedule on each candidate's learning rate.

        A candidate whose loss is no finite number is dropped; raises LossDiverged when no other one is left.
        """
        trained = self.trained
        finite = [index for index, result in enumerate(measured) if not result.diverged]
        if not finite:
            raise LossDiverged(measured[0].loss)
        self._progress.step += 1
        for candidate, result in zip(trained, measured, strict=True):
            candidate.take_loss(result.loss)
            if self._searching:
                candidate.take_prompt()
            if len(trained) > 1:
                self._reporter.log(self.step, {f"search/{candidate.name}/loss": result.loss})
        if len(finite) < len(trained):
            self._drop([trained[index] for index in finite], "as the other losses were no longer finite")
        leader = self.leader
        result = measured[trained.index(leader)]
        values = {"loss": result.loss, "learning_rate": leader.learning_rate * rate_share}
        values |= {"gradient_norm": result.gradient_norm, "rows_per_second": rows_per_second}
        self._reporter.log(self.step, values | self._memory.news())

    def evaluate_and_checkpoint(self) -> None:
        """Drops the worse candidates, scores the others and writes a checkpoint, each where it is due at this step."""
        step, settings, progress = self.step, self._settings, self._progress
        if step > progress.scored:
            keep = min((rung.keep for rung in self._rungs if rung.step == step), default=len(self.trained))
            if keep < len(self.trained):
                self._compare(keep)
            if _is_due(step, settings.evaluate_every, settings.steps):
                self._score([self.leader] if self._searching else self.trained)
            progress.scored = step
        if step and _is_due(step, settings.checkpoint_every, settings.steps):
            self.save()

    def _compare(self, keep: int) -> None:
        """Goes on with the `keep` candidates whose mean prompts have the lowest loss on the held-out rows."""
        self._reporter.phase(f"Comparing {len(self.trained)} learning rates")
        ranked = compared(self.trained, lambda tokens: self._evaluate(tokens).scores["loss"], self._reporter, self.step)
        self._drop(ranked[:keep], "by their held-out losses")
        self._reporter.phase(self.training_phase())

    def _score(self, candidates: Sequence[Candidate]) -> None:
        """Scores some of the candidates, the leader among them, on the held-out rows; each keeps its best prompt."""
        self._reporter.phase(f"Scoring on {len(self._held_out.examples)} held-out rows")
        evaluations = [self._evaluate(candidate.prompt().detach()) for candidate in candidates]
        for candidate, evaluation in zip(candidates, evaluations, strict=True):  # all of them, or after a stop none
            candidate.take(evaluation, self.step)
            name = f", learning rate {candidate.name}" if len(self.trained) > 1 else ""
            self._reporter.note(f"Step {self.step}{name}: {format_scores(evaluation.scores)}")
        leading = evaluations[candidates.index(self.leader)]
        self._note_samples(leading)
        self._log_scores(leading.scores)
        self._reporter.phase(self.training_phase())

    def _drop(self, kept: Sequence[Candidate], reason: str) -> None:
        """Goes on with some of the candidates. reason: why, as the end of a sentence."""
        trained = self.trained
        for candidate in trained:
            if candidate not in kept:
                candidate.standing.dropped_at = self.step
        numbers = [number for number, candidate in enumerate(trained) if candidate in kept]
        self._trainer.keep(numbers, self._settings.batch_size)
        names = ", ".join(candidate.name for candidate in self.trained)
        self._reporter.note(f"Going on with the learning rate{'s' if len(numbers) > 1 else ''} {names}, {reason}.")

    def save(self) -> None:
        """Writes a checkpoint. Raises OSError, as when the disk is full."""
        if process_state().is_main_process:
            self._progress.micro_batch = self._trainer.micro_batch
            self._progress.graphs = self._trainer.graphs.state() if self._trainer.graphs else None
            save_progress(self._checkpoints, self.candidates, self._progress)

    def has_stopped_improving(self) -> bool:
        """Whether the recipe's patience is at its end."""
        waited = min(candidate.standing.waited for candidate in self.trained)
        if not 0 < self._settings.patience <= waited:
            return False
        self._reporter.note(f"No better score in {waited} evaluations: ending early.")
        return True

    def check_stop(self, share: float | None = None) -> None:
        """Raises StopRequested where the run is to end; share: how much of a long phase is done."""
        if any_process(self._reporter.should_stop()):
            raise StopRequested
        if share is not None:
            self._reporter.part(share)

    def failure(self, error: LossDiverged) -> str:
        """Why the run cannot go on, in one sentence. Raises TrainingError when it has no prompt worth keeping."""
        leader = self.leader
        sentence = error.sentence(self.step + 1, leader.learning_rate, found=len(self.candidates) > 1)
        if leader.standing.best_scores is None:
            raise TrainingError(f"{sentence}.")
        return f"{sentence}; the prompt of step {leader.standing.best_step}, the best one so far, was kept."

    def result(self, candidate: Candidate, task: str, *, stopped: bool, failure: str) -> TrainResult:
        """A candidate's best prompt and its final scores, which are measured now."""
        standing = candidate.standing
        if standing.best_scores is None:  # stopped before the first evaluation
            candidate.best, standing.best_step = candidate.prompt.factors(), self.step
        prompt = candidate.best_prompt()
        virtual_tokens = prompt.forward().detach()
        final = self._final_test.scores(virtual_tokens, ended_early=stopped or bool(failure)) or FinalScores(
            "validation", len(self._held_out.examples), standing.best_scores or {}, self._progress.untrained or {}, None
        )
        backbone = self._trainer.backbone
        return TrainResult(
            factors=dict(candidate.best),
            virtual_tokens=virtual_tokens,
            token_dim=backbone.hidden_size,
            final=final,
            inspection=self._inspection(prompt, candidate.recipe),
            learning_rate=candidate.learning_rate,
            best_step=standing.best_step,
            step=self.step if standing.dropped_at is None else standing.dropped_at,
            stopped=stopped,
            failure=failure,
            task=task,
            labels=self._held_out.labels,
            encoder_decoder=backbone.is_encoder_decoder,
            auto_class=backbone.auto_class,
            chat=self._encoder.chat,
        )

    def _inspection(self, prompt: LampPrompt, recipe: TuneConfig) -> Inspection | None:
        """What can be seen in a prompt. None after any error, as of memory: a trained prompt is not lost for a look."""
        try:
            return inspect_prompt(self._trainer.backbone, prompt, self._first_prompt(recipe))
        except Exception as error:
            self._reporter.note(f"What the prompt is made of cannot be shown ({type(error).__name__}); it was trained.")
            return None

    def _evaluate(self, virtual: Tensor | None) -> Evaluation:
        """Scores of virtual tokens (l', hidden), or of the backbone alone."""
        began = time.perf_counter()
        with torch.inference_mode():
            evaluation = evaluate(
                self._trainer.backbone,
                virtual,
                self._encoder,
                self._held_out,
                on_progress=self.check_stop,
            )
        self._reporter.log(self.step, {"scoring_seconds": time.perf_counter() - began})
        return evaluation

    def _note_samples(self, evaluation: Evaluation) -> None:
        """Reports a few answers, also as lines of the log."""
        samples = samples_of(self._held_out.examples, evaluation.predictions)
        self._reporter.samples(self.step, samples)
        for sample in samples:
            self._reporter.note(sample_line(sample))

    def _log_scores(self, scores: Mapping[str, float]) -> None:
        self._reporter.log(self.step, {f"validation/{name}": value for name, value in scores.items()})


def _is_due(step: int, every: int, last: int) -> bool:
    return step == last or step % every == 0
