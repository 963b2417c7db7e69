"""The state of a training run: scores, drops and saves its candidates, and checks whether to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lamp.backbone.devices import process_state
from lamp.data.encoding import Encoder
from lamp.errors import TrainingError
from lamp.inference.evaluate import Evaluation, HeldOut, evaluate
from lamp.inference.scores import Scores
from lamp.training.candidate import Candidate
from lamp.training.candidates import Candidates
from lamp.training.log_text import format_scores, sample_line, samples_of
from lamp.training.peak_memory import RisingPeak
from lamp.training.progress import Progress, restore_progress, save_progress
from lamp.training.reporter import Reporter
from lamp.training.step import LossDiverged, StepResult
from lamp.training.stopping import StopRequested, any_process
from lamp.training.trainer import PromptTrainer


class RunState:
    """The progress of one run: scores its candidates, drops the worse ones, writes checkpoints, checks for a stop."""

    def __init__(
        self,
        trainer: PromptTrainer,
        candidates: Candidates,
        encoder: Encoder,
        held_out: HeldOut,
        reporter: Reporter,
        checkpoints: Path,
    ) -> None:
        """candidates: those of the trainer; held_out: the validation rows."""
        self._trainer, self._encoder, self._held_out = trainer, encoder, held_out
        self._reporter, self._checkpoints = reporter, checkpoints
        self.candidates, self._settings = candidates, candidates.all[0].recipe.train
        self._progress = Progress(micro_batch=trainer.micro_batch)
        self._memory = RisingPeak(trainer.backbone.device)

    @property
    def step(self) -> int:
        """Number of steps taken so far."""
        return self._progress.step

    @property
    def untrained(self) -> Scores | None:
        """Validation scores of the backbone alone; None before they are known."""
        return self._progress.untrained

    def restore(self, saved: tuple[Mapping[str, Tensor], Mapping[str, Any]]) -> None:
        """Continues from a checkpoint that `newest_checkpoint` returned."""
        trainer = self._trainer
        self._progress = restore_progress(saved, self.candidates.all)
        trainer.prompts = [candidate.optimizer for candidate in self.candidates.trained]
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
        """Returns what the run is doing between evaluations."""
        if self.candidates.searching:
            return f"Trying {len(self.candidates.trained)} {self.candidates.kind}s"
        return "Training"

    def record(self, measured: Sequence[StepResult], rate_share: float, rows_per_second: float) -> None:
        """Records a step. rate_share: the schedule's factor on each candidate's learning rate.

        A candidate whose loss is not finite is dropped; raises LossDiverged if no other one is left.
        """
        trained = self.candidates.trained
        finite = [index for index, result in enumerate(measured) if not result.diverged]
        if len(self.candidates.all) > 1:
            for candidate, result in zip(trained, measured, strict=True):
                if result.diverged:
                    self._log_of(candidate, "diverged", 1.0, self.step + 1)
        if not finite:
            raise LossDiverged(measured[0].loss)
        self._progress.step += 1
        for candidate, result in zip(trained, measured, strict=True):
            candidate.take_loss(result.loss)
            if self.candidates.searching:
                candidate.take_prompt()
            if len(trained) > 1:
                self._log_of(candidate, "loss", result.loss)
        if len(finite) < len(trained):
            self._drop([trained[index] for index in finite], "as the other losses were no longer finite")
        leader = self.candidates.leader
        result = measured[trained.index(leader)]
        values = {"loss": result.loss, "learning_rate": leader.learning_rate * rate_share}
        values |= {"gradient_norm": result.gradient_norm, "rows_per_second": rows_per_second}
        self._reporter.log(self.step, values | self._memory.news())

    def evaluate_and_checkpoint(self) -> None:
        """Drops the worse candidates, scores the others and writes a checkpoint, each if it is due at this step."""
        step, settings, progress = self.step, self._settings, self._progress
        keep = self.candidates.most_at(step)
        if keep < len(self.candidates.trained):
            self._compare(keep)
        if step > progress.scored:
            if _is_due(step, settings.evaluate_every, settings.steps):
                self._score([self.candidates.leader] if self.candidates.searching else self.candidates.trained)
            progress.scored = step
        if step and _is_due(step, settings.checkpoint_every, settings.steps):
            self.save()

    def _compare(self, keep: int) -> None:
        """Keeps the `keep` candidates whose mean prompts have the lowest loss on the held-out rows."""
        trained = self.candidates.trained
        self._reporter.phase(f"Comparing {len(trained)} {self.candidates.kind}s")
        losses = [self._evaluate(candidate.mean_prompt).scores["loss"] for candidate in trained]
        for candidate, loss in zip(trained, losses, strict=True):  # all of them, or after a stop none
            candidate.standing.held_out_loss = loss if math.isfinite(loss) else None
            name = f"{self.candidates.kind} {candidate.name}" if self.candidates.differ_in_rate else candidate.name
            self._reporter.note(f"Step {self.step}: {name}, held-out loss {loss:.4g}")
            self._log_of(candidate, "validation/loss", loss)
        self._drop(sorted(trained, key=lambda candidate: candidate.rank)[:keep], "by their held-out losses")
        self._reporter.phase(self.training_phase())

    def _score(self, candidates: Sequence[Candidate]) -> None:
        """Scores some of the candidates, the leader among them, on the held-out rows."""
        self._reporter.phase(f"Scoring on {len(self._held_out.examples)} held-out rows")
        evaluations = [self._evaluate(candidate.prompt().detach()) for candidate in candidates]
        for candidate, evaluation in zip(candidates, evaluations, strict=True):  # all of them, or after a stop none
            candidate.take(evaluation, self.step)
            name = f", {self.candidates.kind} {candidate.name}" if len(self.candidates.trained) > 1 else ""
            self._reporter.note(f"Step {self.step}{name}: {format_scores(evaluation.scores)}")
        leading = evaluations[candidates.index(self.candidates.leader)]
        self._note_samples(leading)
        self._log_scores(leading.scores)
        self._reporter.phase(self.training_phase())

    def _drop(self, kept: Sequence[Candidate], reason: str) -> None:
        """Drops all other candidates. reason: why, as the end of a sentence."""
        trained = self.candidates.trained
        for candidate in trained:
            self._log_of(candidate, "goes_on", float(candidate in kept))
            if candidate not in kept:
                candidate.drop(self.step)
        numbers = [number for number, candidate in enumerate(trained) if candidate in kept]
        self._trainer.keep(numbers, self._settings.batch_size)
        kinds, names = (
            self.candidates.kind + "s" * (len(numbers) > 1),
            [candidate.name for candidate in self.candidates.trained],
        )
        said = f" {', '.join(names)}" if self.candidates.differ_in_rate else f": {'; '.join(names)}"
        self._reporter.note(f"Going on with the {kinds}{said}, {reason}.")

    def _log_of(self, candidate: Candidate, what: str, value: float, step: int | None = None) -> None:
        """Logs a metric of one of several candidates, at the run's step by default."""
        self._reporter.log(self.step if step is None else step, {self.candidates.metric(candidate, what): value})

    def save(self) -> None:
        """Writes a checkpoint. Raises OSError, for example when the disk is full."""
        if process_state().is_main_process:
            self._progress.micro_batch = self._trainer.micro_batch
            self._progress.graphs = self._trainer.graphs.state() if self._trainer.graphs else None
            save_progress(self._checkpoints, self.candidates.all, self._progress)

    def has_stopped_improving(self) -> bool:
        """Returns whether no candidate has improved for as many evaluations as the recipe's patience."""
        waited = min(candidate.standing.waited for candidate in self.candidates.trained)
        if not 0 < self._settings.patience <= waited:
            return False
        self._reporter.note(f"No better score in {waited} evaluations: ending early.")
        return True

    def check_stop(self, share: float | None = None) -> None:
        """Raises StopRequested if the run should end; share: how much of a long phase is done."""
        if any_process(self._reporter.should_stop()):
            raise StopRequested
        if share is not None:
            self._reporter.part(share)

    def failure(self, error: LossDiverged) -> str:
        """Returns why the run cannot continue, as one sentence.

        Raises TrainingError if it has no prompt worth keeping.
        """
        leader = self.candidates.leader
        sentence = error.sentence(self.step + 1, leader.learning_rate, found=len(self.candidates.all) > 1)
        if leader.standing.best_scores is None:
            raise TrainingError(f"{sentence}.")
        return f"{sentence}; the prompt of step {leader.standing.best_step}, the best one so far, was kept."

    def _evaluate(self, virtual: Tensor | None) -> Evaluation:
        """Scores virtual tokens (l', hidden), or the backbone alone."""
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
        """Reports a few answers, to the reporter and as lines of the log."""
        samples = samples_of(self._held_out.examples, evaluation.predictions)
        self._reporter.samples(self.step, samples)
        for sample in samples:
            self._reporter.note(sample_line(sample))

    def _log_scores(self, scores: Mapping[str, float]) -> None:
        self._reporter.log(self.step, {f"validation/{name}": value for name, value in scores.items()})


def _is_due(step: int, every: int, last: int) -> bool:
    return step == last or step % every == 0
