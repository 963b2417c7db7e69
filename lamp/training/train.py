"""The training loop: only the factors of the prompts are trained, and a Reporter receives the progress."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from accelerate.utils import set_seed

from lamp.backbone.devices import process_state
from lamp.backbone.frozen import FrozenBackbone
from lamp.config import TrainConfig, TuneConfig
from lamp.data.batching import batch_stream
from lamp.data.encoding import Encoded, Encoder
from lamp.data.splits import Splits
from lamp.data.token_cache import encode_cached
from lamp.inference.evaluate import HeldOut
from lamp.prompt import LampPrompt
from lamp.training.candidate import Candidate
from lamp.training.candidates import Candidates
from lamp.training.checkpoint import newest_checkpoint
from lamp.training.final_scores import FinalTest
from lamp.training.first_prompt import first_prompts, known_first_prompt
from lamp.training.halving import LEARNING_RATES, Rung, plan_of
from lamp.training.load_backbone import load_backbone
from lamp.training.log_text import data_summary
from lamp.training.reporter import Reporter
from lamp.training.result import TrainResult
from lamp.training.results import Results
from lamp.training.run_state import RunState
from lamp.training.step import LossDiverged, train_together
from lamp.training.stopping import StopRequested
from lamp.training.sweep_recipes import names_of
from lamp.training.trainer import PromptTrainer

SETTLED_WEIGHT = 0.1
"""Loss weight of those tokens of a label that follow from the ones before, such as mostly its end token.

The tokens that distinguish labels have weight 1. A backbone was never trained to end the text there and finds the end
very unlikely at first, so that at full weight its gradient would drown that of the label, often a single token.
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

    If the learning rate is to be found, a prompt for each of LEARNING_RATES starts, and successive halving drops the
    worse ones; the winner takes all the steps. If several prompts vote, as many take all the steps (at a fixed rate,
    one for each of as many seeds); the best one is the result, and holds the others.

    Resumes from the newest undamaged checkpoint in `checkpoints` exactly: in float32 on one CPU the losses and the
    result are bit by bit those of a run that never stopped.

    backbone_folder: where the weights are, if not where the recipe says; trained_prompt: folder of the exported prompt
    that a recipe with the initial "prompt" starts from; tokens: folder that keeps token ids for the next run on the
    same data.

    Raises LampError in one sentence. A run that cannot continue but has a good prompt returns it, with that sentence as
    its `failure`.
    """
    config.check()
    settings = config.train
    if settings.learning_rate == "found":
        recipes = [replace(config, train=replace(settings, learning_rate=rate)) for rate in LEARNING_RATES]
    else:
        seeds = [(settings.seed + number) % 2**32 for number in range(settings.voters)]
        recipes = [replace(config, train=replace(settings, seed=seed)) for seed in seeds]
    _, plan = plan_of(config.train)
    trained_prompts = {config.lamp.initial_prompt: trained_prompt} if trained_prompt else {}
    places = Places(checkpoints, backbone_folder, trained_prompts, tokens)
    end = train_side_by_side(recipes, plan, splits, reporter, places)
    candidates = end.run.candidates
    return end.result(candidates.winner, candidates.voters if splits.labels else ())


@dataclass(frozen=True)
class Places:
    """The folders that a run reads and writes."""

    checkpoints: Path
    backbone: str | Path | None = None
    """Where the weights are, if not where the recipe says."""
    trained_prompts: Mapping[str, Path] = field(default_factory=dict)
    """Exported prompts to start from, by the names that the recipes use for them."""
    tokens: Path | None = None
    """Folder that keeps token ids for the next run on the same data."""


@dataclass(frozen=True)
class End:
    """The trained candidates at the end of the loop, and why it ended."""

    run: RunState
    results: Results
    stopped: bool = False
    failure: str = ""

    def result(self, candidate: Candidate, others: Sequence[Candidate] = ()) -> TrainResult:
        """Returns a candidate's best prompt with its final scores, measured now.

        others: candidates that vote with it.
        """
        run = self.run
        return self.results.of(candidate, others, run.step, run.untrained, stopped=self.stopped, failure=self.failure)


def train_side_by_side(
    recipes: Sequence[TuneConfig], plan: Sequence[Rung], splits: Splits, reporter: Reporter, places: Places
) -> End:
    """Trains a prompt for each recipe: every step reads the rows of all of them, each behind its own prompt.

    plan: the steps after which the worse prompts are dropped.
    """
    settings = recipes[0].train
    run, trainer, rows, results = _set_up(recipes, plan, splits, reporter, places)
    processes, rank = process_state().num_processes, process_state().process_index
    orders = _orders(recipes, rows, run.step * settings.accumulation, processes)
    try:
        run.score_untrained()
        reporter.phase(
            "Compiling the backbone at the first step, then training" if settings.compile else run.training_phase()
        )
        while True:
            run.evaluate_and_checkpoint()
            if run.step >= settings.steps or run.has_stopped_improving():
                break
            run.check_stop()
            began = time.perf_counter()
            share = schedule(run.step, settings)
            drawn = {seed: [n for _ in range(settings.accumulation) for n in next(orders[seed])] for seed in orders}
            trained = run.candidates.trained
            orders_of_rows = [drawn[candidate.recipe.train.seed] for candidate in trained]
            batches = [[rows[index] for index in order[rank::processes]] for order in orders_of_rows]
            rates = [candidate.learning_rate * share for candidate in trained]
            measured = train_together(trainer, batches, rates)
            run.record(measured, share, sum(map(len, orders_of_rows)) / (time.perf_counter() - began))
    except StopRequested:
        run.save()
        return End(run, results, stopped=True)
    except LossDiverged as error:
        return End(run, results, failure=run.failure(error))
    return End(run, results)


def _set_up(
    recipes: Sequence[TuneConfig], plan: Sequence[Rung], splits: Splits, reporter: Reporter, places: Places
) -> tuple[RunState, PromptTrainer, list[Encoded], Results]:
    """Returns the state of the run, the trainer, the training rows, and the maker of its results."""
    config, settings = recipes[0], recipes[0].train
    set_seed(settings.seed)
    reporter.phase("Loading the backbone")
    backbone = load_backbone(config, places.backbone, reporter.note)

    reporter.phase("Reading the data")
    encoder = Encoder(
        backbone.tokenizer,
        is_encoder_decoder=backbone.is_encoder_decoder,
        config=config.data,
        labels=tuple(splits.labels),
        settled_weight=SETTLED_WEIGHT,
    )
    rows = encode_cached(encoder, splits.train, places.tokens)
    scored = encode_cached(encoder, splits.validation, places.tokens)
    tested = encode_cached(encoder, splits.test, places.tokens) if splits.test else ()
    reporter.note(data_summary(splits, encoder))
    virtual_tokens = max(recipe.lamp.virtual_tokens for recipe in recipes)
    _check_positions(backbone, (*rows, *scored, *tested), virtual_tokens)

    saved = newest_checkpoint(places.checkpoints)
    prompts = (
        [LampPrompt.of_zeros(recipe.lamp, backbone.hidden_size) for recipe in recipes]  # the checkpoint fills them
        if saved
        else first_prompts(backbone, recipes, splits.labels, rows, places.trained_prompts)
    )
    collate = partial(encoder.batch, device=backbone.device)
    trainer = PromptTrainer.create(backbone, prompts, collate, settings, reporter.note)
    candidates = [
        Candidate(name, recipe, prompt, optimizer, prompt.factors())
        for name, recipe, prompt, optimizer in zip(names_of(recipes), recipes, prompts, trainer.prompts, strict=True)
    ]
    labels = tuple(splits.labels)
    held_out = HeldOut(splits.validation, scored, labels)
    last = HeldOut(splits.test, tested, labels) if tested else held_out
    final_test = FinalTest(
        backbone, encoder, last, "test" if tested else "validation", config.data.max_written_rows, reporter
    )
    first = partial(known_first_prompt, backbone, labels=splits.labels, rows=rows, trained=places.trained_prompts)
    results = Results(backbone, encoder, held_out, final_test, first, reporter, splits.task)
    run = RunState(trainer, Candidates(candidates, plan), encoder, held_out, reporter, places.checkpoints)
    if saved:
        run.restore(saved)
    return run, trainer, rows, results


def schedule(step: int, settings: TrainConfig) -> float:
    """Factor on the learning rate before step `step` (from 0): linear warm-up, then linear decay to zero."""
    warmup = round(settings.steps * settings.warmup_share)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return (settings.steps - step) / max(1, settings.steps - warmup)


def _check_positions(backbone: FrozenBackbone, rows: Sequence[Encoded], virtual_tokens: int) -> None:
    """Raises BackboneError if a row with its prompt is longer than the backbone's positions."""
    read = [len(row.input_ids) if backbone.is_encoder_decoder else row.length - 1 for row in rows]
    backbone.check_length(torch.ones(1, virtual_tokens + max(read)))


def _orders(
    recipes: Sequence[TuneConfig], rows: Sequence[Encoded], start: int, processes: int
) -> dict[int, Iterator[list[int]]]:
    """For each seed, the batches of row indices, from batch `start` on."""
    lengths = [row.length for row in rows]
    return {
        recipe.train.seed: batch_stream(lengths, recipe.train.batch_size * processes, recipe.train.seed, start)
        for recipe in recipes
    }
