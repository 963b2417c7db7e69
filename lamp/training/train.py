"""One visible training loop: only the prompt's factors change, everything is reported upwards through a Reporter."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor

from lamp.backbone.devices import process_state
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.gradient_checkpointing import enable_gradient_checkpointing
from lamp.config import TrainConfig, TuneConfig
from lamp.data.batching import batch_stream
from lamp.data.encoding import Encoder
from lamp.data.splits import Splits
from lamp.data.token_cache import encode_cached
from lamp.errors import TrainingError
from lamp.inference.confusion_matrix import Confusion, confusion
from lamp.inference.evaluate import HeldOut, evaluate
from lamp.inference.scores import Scores
from lamp.prompt import LampPrompt
from lamp.training.checkpoint import newest_checkpoint
from lamp.training.first_prompt import first_prompt as choose_first_prompt
from lamp.training.log_text import data_summary, listed, short
from lamp.training.progress import Progress, restore_progress, save_progress
from lamp.training.reporter import Reporter
from lamp.training.result import TrainResult
from lamp.training.step import batch_gradient

_SAMPLES = 3
"""Held-out predictions written to the log at each evaluation."""

_END_WEIGHT = 0.1
"""Of the token that ends a label. A backbone that was never asked to end there finds it so unlikely at first that at
full weight its gradient drowns the label's, which is often a single token."""


def train(
    config: TuneConfig,
    splits: Splits,
    reporter: Reporter,
    checkpoints: Path,
    backbone_folder: str | Path | None = None,
    first_prompt: Path | None = None,
    tokens: Path | None = None,
) -> TrainResult:
    """Trains the factors of a prompt and returns the best one on the held-out rows.

    Goes on from the newest whole checkpoint in `checkpoints`, exactly: in float32 on one CPU the losses and the
    result are bit by bit those of a run that never stopped. first_prompt: folder of the exported prompt that a recipe
    with the initial "prompt" starts from; tokens: where token ids are kept for the next run on the same data.
    Raises LampError in one sentence; a run that could not go on but has a good prompt gives that, with the sentence as
    its `failure`.
    """
    config.check()
    settings = config.train
    set_seed(settings.seed)
    reporter.phase("Loading the backbone")
    backbone = FrozenBackbone.load(
        config.backbone, backbone_folder, settings.precision, process_state().device, settings.quantization
    )
    if settings.quantization != "none" and backbone.device.type == "cpu":
        reporter.note("Weights in 8 or 4 bits are for CUDA GPUs: on a CPU they make steps slower and spare little.")
    if settings.gradient_checkpointing:
        enable_gradient_checkpointing(backbone.model)
    if settings.compile:
        backbone.compile()
    # float16 wants its gradients scaled; the factors themselves are float32 in every precision.
    accelerator = Accelerator(mixed_precision="fp16" if backbone.dtype == torch.float16 else "no")

    reporter.phase("Reading the data")
    encoder = Encoder(
        backbone.tokenizer,
        is_encoder_decoder=backbone.is_encoder_decoder,
        config=config.data,
        end_weight=_END_WEIGHT if splits.labels else 1.0,
    )
    rows = encode_cached(encoder, splits.train, tokens)
    held_out = HeldOut(splits.validation, encode_cached(encoder, splits.validation, tokens), tuple(splits.labels))
    reporter.note(data_summary(splits, encoder.truncated, config.data.max_input_tokens))

    saved = newest_checkpoint(checkpoints)
    prompt = (
        LampPrompt.of_zeros(config.lamp, backbone.hidden_size)
        if saved  # what it started from may be gone by now
        else choose_first_prompt(backbone, config, splits.labels, rows, first_prompt)
    ).to(accelerator.device)
    optimizer = torch.optim.AdamW(prompt.parameters(), lr=settings.learning_rate, weight_decay=0.0)
    best: Mapping[str, Tensor] = prompt.factors()
    progress = Progress(micro_batch=settings.batch_size)
    if saved:
        best, progress = restore_progress(saved, prompt, optimizer)
        reporter.note(f"Going on from the checkpoint at step {progress.step}.")
    module, optimizer = accelerator.prepare(prompt, optimizer)
    if accelerator.scaler and progress.gradient_scale:
        accelerator.scaler.load_state_dict(progress.gradient_scale)

    world = accelerator.num_processes

    def breathe(share: float | None = None) -> None:
        if _agreed(accelerator, reporter.should_stop()):
            raise _StopAsked
        if share is not None:
            reporter.part(share)

    def score(virtual: Tensor | None, *, written: bool = False) -> tuple[Scores, Confusion | None]:
        began = time.perf_counter()
        with torch.inference_mode():
            scores, predictions = evaluate(backbone, virtual, encoder, held_out, written=written, on_progress=breathe)
        reporter.log(progress.step, {"scoring_seconds": time.perf_counter() - began})
        for example, prediction in list(zip(held_out.examples, predictions, strict=False))[:_SAMPLES]:
            reporter.note(f"  {short(example.text)} → {prediction!r} (target {example.target!r})")
        if not held_out.labels:
            return scores, None
        return scores, confusion(held_out.labels, [example.target for example in held_out.examples], predictions)

    def save(kept: Mapping[str, Tensor]) -> None:
        if accelerator.is_main_process:
            progress.gradient_scale = accelerator.scaler.state_dict() if accelerator.scaler else None
            save_progress(checkpoints, prompt, optimizer, kept, progress)

    def settle() -> Mapping[str, Tensor]:
        """Scores and saves after a step, where that is due; the best factors so far."""
        step, kept = progress.step, best
        if step > progress.scored and (step == settings.steps or step % settings.evaluate_every == 0):
            reporter.phase(f"Scoring on {len(held_out.examples)} held-out rows")
            scores, matrix = score(prompt().detach())
            reporter.note(f"Step {step}: {listed(scores)}")
            reporter.log(step, {f"validation/{name}": value for name, value in scores.items()})
            progress.scored, progress.waited = step, progress.waited + 1
            if progress.best_scores is None or _better(scores, progress.best_scores):
                kept, progress.waited = prompt.factors(), 0
                progress.best_step, progress.best_scores = step, scores
                progress.best_confusion = [list(row) for row in matrix.counts] if matrix else None
            reporter.phase("Training")
        if step and (step == settings.steps or step % settings.checkpoint_every == 0):
            save(kept)
        return kept

    stopped, failure = False, ""
    stream = batch_stream(
        [row.length for row in rows], settings.batch_size * world, settings.seed, progress.step * settings.accumulation
    )
    try:
        if progress.untrained is None:
            reporter.phase("Scoring the untrained backbone")
            progress.untrained, _ = score(None)
            reporter.note(f"Untrained backbone: {listed(progress.untrained)}")
            reporter.log(0, {f"validation/{name}": value for name, value in progress.untrained.items()})
        reporter.phase("Compiling the backbone at the first step, then training" if settings.compile else "Training")
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
            loss, progress.micro_batch = batch_gradient(
                accelerator, backbone, module, encoder, own, progress.micro_batch, reporter.note
            )
            if not math.isfinite(loss):
                failure = _diverged(loss, progress.step + 1, settings)
                if progress.best_scores is None:
                    raise TrainingError(f"{failure}.")
                failure += f"; the prompt of step {progress.best_step}, the best one so far, was kept."
                break
            norm = accelerator.clip_grad_norm_(module.parameters(), settings.clip_norm)
            optimizer.step()
            progress.step += 1
            reporter.log(
                progress.step,
                {
                    "loss": loss,
                    "learning_rate": rate,
                    "gradient_norm": float(norm or 0.0),
                    "rows_per_second": len(numbers) / (time.perf_counter() - began),
                },
            )
    except _StopAsked:
        stopped = True
        save(best)

    if progress.best_scores is None:
        best, progress.best_step = prompt.factors(), progress.step
    chosen = LampPrompt(best["u"], best["q"], best["v"], config.lamp.pooling, config.lamp.interactions)
    if not splits.labels and not stopped and not failure:
        reporter.phase("Writing answers to held-out rows")
        try:
            progress.best_scores, _ = score(chosen().detach().to(accelerator.device), written=True)
        except _StopAsked:
            reporter.note("Stopped before answers were written to held-out rows; everything else is done.")
    labels, counts = tuple(splits.labels), progress.best_confusion
    untrained = {f"untrained_{name}": value for name, value in (progress.untrained or {}).items()}
    return TrainResult(
        factors=dict(best),
        virtual_tokens=chosen().detach(),
        token_dim=backbone.hidden_size,
        scores={**(progress.best_scores or {}), **untrained},
        best_step=progress.best_step,
        step=progress.step,
        stopped=stopped,
        failure=failure,
        task=splits.task,
        labels=labels,
        encoder_decoder=backbone.is_encoder_decoder,
        chat=encoder.chat,
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


def _diverged(loss: float, step: int, settings: TrainConfig) -> str:
    return (
        f"The loss became {loss} at step {step} with a learning rate of {settings.learning_rate:g}: "
        "try a smaller one, or the precision fp32"
    )


def _agreed(accelerator: Accelerator, stop: bool) -> bool:
    """Whether any process wants to stop: all must leave the loop at the same step, or the others wait for ever."""
    if accelerator.num_processes == 1:
        return stop
    return bool(accelerator.reduce(torch.tensor(float(stop), device=accelerator.device)).item())


def _better(scores: Scores, best: Scores) -> bool:
    """Higher accuracy, or the same accuracy at a lower loss; for generation a lower loss."""
    return (scores.get("accuracy", 0.0), -scores["loss"]) > (best.get("accuracy", 0.0), -best["loss"])
