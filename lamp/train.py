"""One visible training loop: only the prompt's factors change, everything is reported upwards through a Reporter."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor

from lamp.backbone import FrozenBackbone
from lamp.batching import batch_stream
from lamp.checkpoint import newest_checkpoint
from lamp.config import TrainConfig, TuneConfig
from lamp.confusion import Confusion, confusion
from lamp.data import Splits
from lamp.encoding import Encoded, Encoder
from lamp.errors import DataError, TrainingError
from lamp.evaluate import HeldOut, evaluate
from lamp.forward import target_log_likelihood
from lamp.hardware import process_state
from lamp.initializers import from_trained, initial_prompt
from lamp.metrics import Scores
from lamp.progress import Progress, restore_progress, save_progress
from lamp.prompt import LampPrompt

_SAMPLES = 3
"""Held-out predictions written to the log at each evaluation."""

_END_WEIGHT = 0.1
"""Of the token that ends a label. A backbone that was never asked to end there finds it so unlikely at first that at
full weight its gradient drowns the label's, which is often a single token."""


class Reporter(Protocol):
    """Who listens to a training run; the one way up out of this package."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers after `step` steps; validation scores have a "validation/" prefix."""

    def phase(self, text: str) -> None:
        """What the run is doing now, in a short sentence."""

    def note(self, text: str) -> None:
        """One line for the log."""

    def should_stop(self) -> bool:
        """Whether to end at the next step; asked at each one."""


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
    best_step: int
    step: int
    stopped: bool
    """Whether it was stopped before its last step"""
    task: str
    labels: tuple[str, ...]
    encoder_decoder: bool
    around: tuple[str, str]
    """What the backbone's chat template puts before and after every input; empty for plain text"""
    confusion: Confusion | None
    """Of the best prompt on the held-out rows; None for generation and before the first evaluation"""


def train(
    config: TuneConfig,
    splits: Splits,
    reporter: Reporter,
    checkpoints: Path,
    backbone_folder: str | Path | None = None,
    first_prompt: Path | None = None,
) -> TrainResult:
    """Trains the factors of a prompt and returns the best one on the held-out rows.

    Goes on from the newest whole checkpoint in `checkpoints`, exactly: in float32 on one CPU the losses and the
    result are bit by bit those of a run that never stopped. first_prompt: folder of the exported prompt that a recipe
    with the initial "prompt" starts from. Raises LampError in one sentence.
    """
    config.check()
    settings = config.train
    set_seed(settings.seed)
    reporter.phase("Loading the backbone")
    backbone = FrozenBackbone.load(config.backbone, backbone_folder, settings.precision, process_state().device)
    # float16 wants its gradients scaled; the factors themselves are float32 in every precision.
    accelerator = Accelerator(mixed_precision="fp16" if backbone.dtype == torch.float16 else "no")

    reporter.phase("Reading the data")
    encoder = Encoder(
        backbone.tokenizer, is_encoder_decoder=backbone.is_encoder_decoder, config=config.data,
        end_weight=_END_WEIGHT if splits.labels else 1.0,
    )
    rows = encoder.encode(splits.train)
    held_out = HeldOut(splits.validation, encoder.encode(splits.validation), tuple(splits.labels))
    reporter.note(_data_summary(splits, encoder.truncated, config.data.max_input_tokens))

    if newest_checkpoint(checkpoints) is not None:
        prompt = LampPrompt.of_zeros(config.lamp, backbone.hidden_size)  # what it started from may be gone by now
    elif config.lamp.initial == "prompt":
        if first_prompt is None:
            raise DataError("The prompt to start from is not there any more: choose another one.")
        prompt = from_trained(backbone, config.lamp, first_prompt)
    else:
        first = initial_prompt(backbone, config.lamp, splits.labels, [row.input_ids for row in rows], settings.seed)
        prompt = LampPrompt.from_matrix(first, config.lamp)
    prompt = prompt.to(accelerator.device)
    best: Mapping[str, Tensor] = prompt.factors()
    optimizer = torch.optim.AdamW(prompt.parameters(), lr=settings.learning_rate, weight_decay=0.0)
    progress = Progress(micro_batch=settings.batch_size)
    restored = restore_progress(checkpoints, prompt, optimizer)
    if restored is not None:
        best, progress = restored
        reporter.note(f"Going on from the checkpoint at step {progress.step}.")
    module, optimizer = accelerator.prepare(prompt, optimizer)

    world = accelerator.num_processes

    def breathe() -> None:
        if _agreed(accelerator, reporter.should_stop()):
            raise _StopAsked

    def score(virtual: Tensor | None, *, written: bool = False) -> tuple[Scores, Confusion | None]:
        with torch.inference_mode():
            scores, predictions = evaluate(
                backbone, virtual, encoder, held_out, written=written, each_batch=breathe
            )
        for example, prediction in list(zip(held_out.examples, predictions, strict=False))[:_SAMPLES]:
            reporter.note(f"  {_short(example.text)} → {prediction!r} (target {example.target!r})")
        if not held_out.labels:
            return scores, None
        return scores, confusion(held_out.labels, [example.target for example in held_out.examples], predictions)

    def settle() -> Mapping[str, Tensor]:
        """Scores and saves after a step, where that is due; the best factors so far."""
        step, kept = progress.step, best
        if step > progress.scored and (step == settings.steps or step % settings.evaluate_every == 0):
            reporter.phase(f"Scoring on {len(held_out.examples)} held-out rows")
            scores, matrix = score(prompt().detach())
            reporter.note(f"Step {step}: {_listed(scores)}")
            reporter.log(step, {f"validation/{name}": value for name, value in scores.items()})
            progress.scored, progress.waited = step, progress.waited + 1
            if progress.best_scores is None or _better(scores, progress.best_scores):
                kept, progress.waited = prompt.factors(), 0
                progress.best_step, progress.best_scores = step, scores
                progress.best_confusion = [list(row) for row in matrix.counts] if matrix else None
            reporter.phase("Training")
        if accelerator.is_main_process and step and (step == settings.steps or step % settings.checkpoint_every == 0):
            save_progress(checkpoints, prompt, optimizer, kept, progress)
        return kept

    stopped = False
    stream = batch_stream(
        [row.length for row in rows], settings.batch_size * world, settings.seed, progress.step * settings.accumulation
    )
    try:
        if progress.untrained is None:
            reporter.phase("Scoring the untrained backbone")
            progress.untrained, _ = score(None)
            reporter.note(f"Untrained backbone: {_listed(progress.untrained)}")
            reporter.log(0, {f"validation/{name}": value for name, value in progress.untrained.items()})
        reporter.phase("Training")
        while True:
            best = settle()
            if progress.step >= settings.steps:
                break
            if 0 < settings.patience <= progress.waited:
                reporter.note(f"No better score in {progress.waited} evaluations: ending early.")
                break
            breathe()
            began = time.perf_counter()
            rate = settings.learning_rate * schedule(progress.step, settings)
            for group in optimizer.param_groups:
                group["lr"] = rate
            numbers = [row for _ in range(settings.accumulation) for row in next(stream)]
            own = [rows[number] for number in numbers[accelerator.process_index :: world]]
            loss = _gradients(accelerator, backbone, module, encoder, own, progress, reporter)
            if not math.isfinite(loss):
                raise TrainingError(
                    f"The loss became {loss} at step {progress.step + 1} with a learning rate of "
                    f"{settings.learning_rate:g}: try a smaller one, or the precision fp32."
                )
            norm = accelerator.clip_grad_norm_(module.parameters(), settings.clip_norm)
            optimizer.step()
            progress.step += 1
            reporter.log(progress.step, {
                "loss": loss, "learning_rate": rate, "gradient_norm": float(norm or 0.0),
                "rows_per_second": len(numbers) / (time.perf_counter() - began),
            })
    except _StopAsked:
        stopped = True
        if accelerator.is_main_process:
            save_progress(checkpoints, prompt, optimizer, best, progress)

    if progress.best_scores is None:
        best, progress.best_step = prompt.factors(), progress.step
    chosen = LampPrompt(best["u"], best["q"], best["v"], config.lamp.pooling, config.lamp.interactions)
    if not splits.labels and not stopped:
        reporter.phase("Writing answers to held-out rows")
        try:
            progress.best_scores, _ = score(chosen().detach().to(accelerator.device), written=True)
        except _StopAsked:
            reporter.note("Stopped before answers were written to held-out rows; everything else is done.")
    labels, counts = tuple(splits.labels), progress.best_confusion
    untrained = {f"untrained_{name}": value for name, value in (progress.untrained or {}).items()}
    return TrainResult(
        factors=dict(best), virtual_tokens=chosen().detach(), token_dim=backbone.hidden_size,
        scores={**(progress.best_scores or {}), **untrained}, best_step=progress.best_step, step=progress.step,
        stopped=stopped, task=splits.task, labels=labels, encoder_decoder=backbone.is_encoder_decoder,
        around=encoder.around,
        confusion=Confusion(labels, tuple(map(tuple, counts))) if counts else None,
    )


class _StopAsked(Exception):
    """Somebody wants the run to end; raised between two steps, or between two batches of an evaluation."""


def schedule(step: int, settings: TrainConfig) -> float:
    """Factor on the learning rate before step `step` (from 0): linear warm-up, then linear decay to zero."""
    warmup = round(settings.steps * settings.warmup_share)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return (settings.steps - step) / max(1, settings.steps - warmup)


def _gradients(
    accelerator: Accelerator, backbone: FrozenBackbone, module: Any, encoder: Encoder, rows: Sequence[Encoded],
    progress: Progress, reporter: Reporter,
) -> float:
    """Mean loss of the rows, its gradient left in the factors; micro-batches shrink until they fit in memory."""
    while True:
        module.zero_grad(set_to_none=True)
        try:
            total = 0.0
            for part, is_last in _parts(rows, progress.micro_batch):
                with nullcontext() if is_last else accelerator.no_sync(module):
                    batch = encoder.batch(part, backbone.device)
                    loss = -target_log_likelihood(backbone, module(), batch).sum() / len(rows)
                    accelerator.backward(loss)
                total += loss.item()
            return float(accelerator.reduce(torch.tensor(total, device=accelerator.device), "mean").item())
        except torch.OutOfMemoryError as error:
            longest = max(row.length for row in rows)
            if progress.micro_batch == 1:
                raise TrainingError(
                    f"A single row of {longest} tokens does not fit in the memory of {accelerator.device}: "
                    "lower the longest input, or take a smaller backbone."
                ) from error
        torch.cuda.empty_cache()
        progress.micro_batch = max(1, progress.micro_batch // 2)
        reporter.note(f"Out of memory: going on with {progress.micro_batch} rows at a time, the same batch in all.")


def _agreed(accelerator: Accelerator, stop: bool) -> bool:
    """Whether any process wants to stop: all must leave the loop at the same step, or the others wait for ever."""
    if accelerator.num_processes == 1:
        return stop
    return bool(accelerator.reduce(torch.tensor(float(stop), device=accelerator.device)).item())


def _parts(rows: Sequence[Encoded], size: int) -> Iterator[tuple[Sequence[Encoded], bool]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size], start + size >= len(rows)


def _better(scores: Scores, best: Scores) -> bool:
    """Higher accuracy, or the same accuracy at a lower loss; for generation a lower loss."""
    return (scores.get("accuracy", 0.0), -scores["loss"]) > (best.get("accuracy", 0.0), -best["loss"])


def _data_summary(splits: Splits, truncated: int, limit: int) -> str:
    parts = [f"{len(splits.train)} rows to train on, {len(splits.validation)} held out"]
    if splits.skipped:
        parts.append(f"{splits.skipped} without a target left out")
    if truncated:
        parts.append(f"{truncated} inputs cut to {limit} tokens")
    return ", ".join(parts) + "."


def _listed(scores: Scores) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in scores.items())


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 70 else line[:67] + "..."
