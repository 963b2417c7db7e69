"""The training loop: only the prompt's factors change, and everything is reported through a Reporter."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from accelerate.utils import set_seed

from lamp.backbone.devices import process_state
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.gradient_checkpointing import enable_gradient_checkpointing
from lamp.config import TrainConfig, TuneConfig
from lamp.data.batching import batch_stream
from lamp.data.encoding import Encoder
from lamp.data.splits import Splits
from lamp.data.token_cache import encode_cached
from lamp.inference.evaluate import HeldOut
from lamp.prompt import LampPrompt
from lamp.training.checkpoint import newest_checkpoint
from lamp.training.first_prompt import first_prompt
from lamp.training.log_text import data_summary
from lamp.training.reporter import Reporter
from lamp.training.result import TrainResult
from lamp.training.run_state import RunState, StopRequested
from lamp.training.step import LossDiverged, PromptTrainer, train_step

_SETTLED_WEIGHT = 0.1
"""Weight of a label's tokens that follow from those before them, as the token that ends a label mostly does.

The tokens that distinguish labels weigh 1. A backbone that was never asked to end there finds the end so unlikely at
first that at full weight its gradient drowns that of the label, which is often a single token.
"""


def train(
    config: TuneConfig,
    splits: Splits,
    reporter: Reporter,
    checkpoints: Path,
    backbone_folder: str | Path | None = None,
    trained_prompt: Path | None = None,
    tokens: Path | None = None,
) -> TrainResult:
    """Trains the factors of a prompt and returns the best one on the held-out rows.

    Goes on from the newest whole checkpoint in `checkpoints`, exactly: in float32 on one CPU the losses and the
    result are bit by bit those of a run that never stopped. backbone_folder: where the weights lie, if not where the
    recipe says; trained_prompt: folder of the exported prompt that a recipe with the initial "prompt" starts from;
    tokens: folder that keeps token ids for the next run on the same data.
    Raises LampError in one sentence; a run that could not go on but has a good prompt returns that, with the sentence
    as its `failure`.
    """
    config.check()
    settings = config.train
    set_seed(settings.seed)
    reporter.phase("Loading the backbone")
    backbone = _load_backbone(config, backbone_folder, reporter)

    reporter.phase("Reading the data")
    encoder = Encoder(
        backbone.tokenizer,
        is_encoder_decoder=backbone.is_encoder_decoder,
        config=config.data,
        labels=tuple(splits.labels),
        settled_weight=_SETTLED_WEIGHT,
    )
    rows = encode_cached(encoder, splits.train, tokens)
    held_out = HeldOut(splits.validation, encode_cached(encoder, splits.validation, tokens), tuple(splits.labels))
    reporter.note(data_summary(splits, encoder.truncated, config.data.max_input_tokens))

    saved = newest_checkpoint(checkpoints)
    prompt = (
        LampPrompt.of_zeros(config.lamp, backbone.hidden_size)  # the checkpoint fills it; its origin may be gone
        if saved
        else first_prompt(backbone, config, splits.labels, rows, trained_prompt)
    )
    trainer = PromptTrainer.create(
        backbone, prompt, partial(encoder.batch, device=backbone.device), settings, reporter.note
    )
    run = RunState(trainer, prompt, encoder, held_out, settings, reporter, checkpoints)
    if saved:
        run.restore(saved)

    processes, rank = trainer.accelerator.num_processes, trainer.accelerator.process_index
    lengths = [row.length for row in rows]
    stream = batch_stream(lengths, settings.batch_size * processes, settings.seed, run.step * settings.accumulation)
    stopped, failure = False, ""
    try:
        run.score_untrained()
        reporter.phase("Compiling the backbone at the first step, then training" if settings.compile else "Training")
        while True:
            run.evaluate_and_checkpoint()
            if run.step >= settings.steps or run.has_stopped_improving():
                break
            run.check_stop()
            began = time.perf_counter()
            rate = settings.learning_rate * schedule(run.step, settings)
            indices = [index for _ in range(settings.accumulation) for index in next(stream)]
            measured = train_step(trainer, [rows[index] for index in indices[rank::processes]], rate)
            run.advance()
            values = {"loss": measured.loss, "learning_rate": rate, "gradient_norm": measured.gradient_norm}
            reporter.log(run.step, {**values, "rows_per_second": len(indices) / (time.perf_counter() - began)})
    except StopRequested:
        stopped = True
        run.save()
    except LossDiverged as error:
        failure = run.failure(error, settings.learning_rate)
    return run.result(config.lamp, splits.task, stopped=stopped, failure=failure)


def schedule(step: int, settings: TrainConfig) -> float:
    """Factor on the learning rate before step `step` (from 0): linear warm-up, then linear decay to zero."""
    warmup = round(settings.steps * settings.warmup_share)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return (settings.steps - step) / max(1, settings.steps - warmup)


def _load_backbone(config: TuneConfig, folder: str | Path | None, reporter: Reporter) -> FrozenBackbone:
    """The frozen backbone, with the options for memory and speed that the recipe asks for."""
    settings = config.train
    backbone = FrozenBackbone.load(
        config.backbone, folder, settings.precision, process_state().device, settings.quantization
    )
    if settings.quantization != "none" and backbone.device.type == "cpu":
        reporter.note("Weights in 8 or 4 bits are for CUDA GPUs: on a CPU they make steps slower and spare little.")
    if settings.gradient_checkpointing:
        enable_gradient_checkpointing(backbone.model)
    if settings.compile:
        backbone.compile()
    return backbone
