"""Measures the parts of a run: loads the backbone, takes a few real steps, scores a few held-out rows.

Run it in a process of its own: the peak of that process's memory is one of the results.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TypeVar

import torch
from accelerate.utils import set_seed

from lamp.backbone.frozen import FrozenBackbone
from lamp.config import DataConfig, TrainConfig, TuneConfig
from lamp.data.batching import batch_stream, batches_by_length
from lamp.data.encoding import Encoded, Encoder
from lamp.data.splits import Splits
from lamp.data.token_cache import encode_cached
from lamp.inference.batched import rows_at_a_time
from lamp.inference.evaluate import HeldOut, evaluate
from lamp.training.first_prompt import first_prompt
from lamp.training.halving import plan_of
from lamp.training.load_backbone import load_backbone
from lamp.training.other_programs import OtherPrograms
from lamp.training.peak_memory import peak_memory
from lamp.training.quote import Measured
from lamp.training.step import train_together
from lamp.training.trainer import PromptTrainer

_Value = TypeVar("_Value")
Rows = Sequence[Encoded]
_LONGEST_STEPS = 3
"""Number of steps on the longest rows: the first steps are slower, and their peak of memory is the run's."""
_TYPICAL = (1 / 2, 1 / 6, 5 / 6)
"""Positions, as shares of all batches in order of size, of the batches that represent all: the middle of each third."""
_REPEATS_ON_GPU = 4
"""Steps on each batch on a GPU, where the second step of a shape is recorded and the later ones are replayed."""
_PATIENCE = 10.0
"""Seconds after which no further step of a kind is taken: one long step measures well enough."""
_MOST_STEPS = 2000
"""The most steps of the run that are searched for typical batches."""
_SCORED_AT_A_TIME, _WRITTEN_AT_A_TIME = 32, 16
"""Rows that a CPU scores in one batch, and rows that are answered in one batch."""


def measure(
    config: TuneConfig,
    splits: Splits,
    began: float,
    backbone_folder: str | Path | None = None,
    trained_prompt: Path | None = None,
    tokens: Path | None = None,
    *,
    processes: int = 1,
    on_phase: Callable[[str], None] = lambda _: None,
) -> Measured:
    """Measures what the parts of a run with this recipe take on this machine.

    began: time.perf_counter() at the start of this process; processes: how many will train together, of which this one
    stands for each; on_phase: called with a short sentence. The other arguments are those of `train`. Raises LampError,
    as the run itself would.
    """
    config.check()
    settings = config.train
    set_seed(settings.seed)
    on_phase("Loading the model")
    backbone = load_backbone(config, backbone_folder)
    on_phase("Reading the rows")
    encoder = _encoder(backbone, config.data, tuple(splits.labels))
    rows = encode_cached(encoder, splits.train, tokens)
    scored = encode_cached(encoder, splits.validation, tokens)
    trainer = _trainer(backbone, config, splits, rows, encoder, trained_prompt)
    if processes > 1:  # their steps are never recorded
        trainer.graphs = None
    import_module("peft")  # which a run needs at its end, to write its prompt
    starting, together = time.perf_counter() - began, len(trainer.prompts)
    on_phase("Measuring")
    others = OtherPrograms()
    scoring = _Scoring(trainer, encoder, splits, scored)
    scoring_seconds = scoring.seconds() / processes
    testing_seconds = scoring.testing_seconds() / processes
    order = _Order.of(rows, config)
    steps = _Steps(trainer, rows, order, settings)
    step_seconds = together_seconds = steps.mean_seconds(1)
    memory_of_one = peak_memory(backbone.device)  # before that of all prompts: peaks only rise
    if together > 1:
        together_seconds = steps.mean_seconds(together)
    return Measured(
        starting_seconds=starting + steps.warm_up,
        step_seconds=step_seconds,
        together=together,
        together_seconds=together_seconds,
        scoring_seconds=scoring_seconds,
        testing_seconds=testing_seconds,
        memory_of_one=memory_of_one,
        memory_of_all=peak_memory(backbone.device),
        micro_batch=trainer.micro_batch,
        halved=trainer.micro_batch < steps.wanted,
        step_lengths=order.lengths,
        longest_row=max(row.length for row in rows),
        other_programs=0.0 if backbone.device.type == "cuda" else others.share(),
    )


def _encoder(backbone: FrozenBackbone, config: DataConfig, labels: tuple[str, ...] = ()) -> Encoder:
    return Encoder(backbone.tokenizer, is_encoder_decoder=backbone.is_encoder_decoder, config=config, labels=labels)


def _trainer(
    backbone: FrozenBackbone,
    config: TuneConfig,
    splits: Splits,
    rows: Rows,
    encoder: Encoder,
    trained_prompt: Path | None,
) -> PromptTrainer:
    """Creates a trainer with as many copies of the first prompt as the run starts with."""
    prompt = first_prompt(backbone, config, splits.labels, rows, trained_prompt)
    prompts = [deepcopy(prompt) for _ in range(plan_of(config.train)[0])]
    return PromptTrainer.create(backbone, prompts, partial(encoder.batch, device=backbone.device), config.train)


@dataclass(frozen=True)
class _Order:
    """The batches of the run's steps, which follow from the seed."""

    lengths: tuple[int, ...]
    """Tokens of the longest row of each step."""
    typical: list[list[int]]
    """Row indices of the steps that represent all of them, the middle one first."""

    @classmethod
    def of(cls, rows: Rows, config: TuneConfig) -> _Order:
        """Reads the batches of the run's first steps."""
        settings = config.train
        lengths = [row.length for row in rows]
        batches = batch_stream(lengths, settings.batch_size, settings.seed, 0)
        longest, sizes = [], []
        for _ in range(min(settings.steps, _MOST_STEPS)):
            own = list(islice(batches, settings.accumulation))
            of_batches = [max(lengths[index] for index in batch) for batch in own]
            longest.append(max(of_batches))
            padded = sum(length * len(batch) for length, batch in zip(of_batches, own, strict=True))
            sizes.append((padded, [index for batch in own for index in batch]))
        return cls(tuple(longest), [step for _, step in _typical(sorted(sizes))])


class _Steps:
    """Times steps on the longest rows and on typical rows, with some or all of the trainer's prompts."""

    def __init__(self, trainer: PromptTrainer, rows: Rows, order: _Order, settings: TrainConfig) -> None:
        self._trainer, self._prompts = trainer, trainer.prompts
        self._of_one = settings.batch_size * settings.accumulation
        self._longest = sorted(rows, key=lambda row: -row.length)[: self._of_one]
        self._typical = [[rows[index] for index in step] for step in order.typical]
        self._repeats = _REPEATS_ON_GPU if trainer.device.type == "cuda" else 1
        self.wanted = trainer.micro_batch
        """Rows of all prompts together to read at a time, before memory limits it."""
        self.warm_up = 0.0
        """Seconds by which first steps took longer than later ones with the same rows."""

    def mean_seconds(self, prompts: int) -> float:
        """Returns the time of one step with this many prompts, averaged over the typical batches."""
        self._trainer.prompts = self._prompts[:prompts]
        self._trainer.micro_batch = self.wanted
        if self._trainer.graphs is not None:
            self._trainer.graphs.reset()
        self._take([self._longest] * _LONGEST_STEPS)
        seconds = []
        for rows in self._typical:
            taken = self._take([rows] * self._repeats)
            seconds.append(min(taken))
            if sum(taken) > _PATIENCE:
                break
        return sum(seconds) / len(seconds) if len(seconds) == len(self._typical) else seconds[0]

    def _take(self, steps: Sequence[Rows]) -> list[float]:
        """Takes the steps and returns the seconds of each; stops early after _PATIENCE seconds."""
        prompts = len(self._trainer.prompts)
        taken: list[float] = []
        for rows in steps:
            began = time.perf_counter()
            train_together(self._trainer, [rows] * prompts, [0.0] * prompts)
            taken.append(time.perf_counter() - began)
            if sum(taken) > _PATIENCE:
                break
        self.warm_up += sum(taken[:-1]) - (len(taken) - 1) * min(taken)
        return taken


class _Scoring:
    """Times the scoring of a few held-out rows."""

    def __init__(self, trainer: PromptTrainer, encoder: Encoder, splits: Splits, scored: Rows) -> None:
        self._backbone, self._encoder = trainer.backbone, encoder
        self._splits, self._scored = splits, scored
        with torch.no_grad():
            self._virtual = trainer.prompts[0].prompt().detach()

    def seconds(self) -> float:
        """Returns the seconds to score all held-out rows."""
        size = rows_at_a_time(self._backbone.device, on_cpu=_SCORED_AT_A_TIME)
        batches = batches_by_length([row.length for row in self._scored], size)
        self._evaluate(batches[0])  # the longest rows: for the peak of memory, and because the first pass is slower
        typical = _typical(batches)
        return len(self._scored) * sum(map(self._evaluate, typical)) / sum(map(len, typical))

    def testing_seconds(self) -> float:
        """Returns the seconds of the test at the end, with the prompt and without it."""
        rows = len(self._splits.test or self._splits.validation)
        scoring = self.seconds() * rows / len(self._scored)
        return 2 * (scoring + (0.0 if self._splits.labels else self._writing_seconds(rows)))

    def _writing_seconds(self, tested: int) -> float:
        """Returns the seconds to write answers to the tested rows, assuming that answers are as long as the targets."""
        rows = min(self._encoder.config.max_written_rows, tested)
        some = range(min(_WRITTEN_AT_A_TIME, rows, len(self._scored)))
        longest = max(len(self._scored[index].target_ids) for index in some)
        limit = min(longest, self._encoder.config.max_target_tokens)
        encoder = _encoder(self._backbone, replace(self._encoder.config, max_target_tokens=limit))
        return rows / len(some) * self._evaluate(some, encoder, written=len(some))

    def _evaluate(self, indices: Sequence[int], encoder: Encoder | None = None, *, written: int = 0) -> float:
        """Returns the seconds to score the rows with these indices."""
        examples = [self._splits.validation[index] for index in indices]
        held_out = HeldOut(examples, [self._scored[index] for index in indices], tuple(self._splits.labels))
        began = time.perf_counter()
        with torch.inference_mode():
            evaluate(self._backbone, self._virtual, encoder or self._encoder, held_out, written=written)
        return time.perf_counter() - began


def _typical(ordered: Sequence[_Value]) -> list[_Value]:
    """Returns the values that represent all: the middle of each third, the middle third first, each at most once."""
    return [ordered[index] for index in dict.fromkeys(int(share * len(ordered)) for share in _TYPICAL)]
