"""How long a run takes and how much memory it needs, computed from measurements of its parts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lamp.config import TrainConfig
from lamp.training.halving import plan_of, work_left

_BUSY = 0.2
"""Share of the processor above which the use by other programs is mentioned."""


@dataclass(frozen=True)
class Measured:
    """The parts of a run as lamp.training.measuring found them on this machine."""

    starting_seconds: float
    """Time from the start of the process to the first step, plus the extra time of the first steps.

    It covers imports (those of the end too), backbone, rows and first prompt.
    """
    step_seconds: float
    """A step of one prompt, averaged over the run's batches."""
    together: int
    """Number of prompts that the run starts with."""
    together_seconds: float
    """A step of all these prompts together."""
    scoring_seconds: float
    """One evaluation on the held-out rows."""
    testing_seconds: float
    """The test at the end, with the prompt and without it."""
    memory_of_one: int
    """Peak memory in bytes of one prompt's steps on the longest rows: of the process on a CPU, of the card on a GPU."""
    memory_of_all: int
    """The same for the steps of all prompts together."""
    micro_batch: int
    """Rows of all prompts that were read at a time."""
    halved: bool
    """Whether `micro_batch` was reduced because memory was too small."""
    step_lengths: tuple[int, ...]
    """Tokens of the longest row of each step, which follow from the seed; a long run has only its first steps here."""
    longest_row: int
    """Tokens of the longest row in the data."""
    other_programs: float
    """Share of the processor that other programs used meanwhile, between 0 and 1; 0 on a GPU."""

    def seconds(self, train: TrainConfig) -> float:
        """Returns the seconds of a whole run with these settings, of which steps and evaluation interval matter."""
        left = work_left(train)
        further = (self.together_seconds - self.step_seconds) / max(1, self.together - 1)
        steps = train.steps * self.step_seconds + (left.steps - train.steps) * further
        scorings = (left.scorings + 1) * self.scoring_seconds  # the untrained backbone is scored too
        voting = (train.voters - 1) * self.scoring_seconds  # about as many rows are tested
        return self.starting_seconds + steps + scorings + self.testing_seconds + voting

    def memory(self, train: TrainConfig) -> int:
        """Returns the peak memory in bytes of a whole run with these settings.

        With fewer prompts left, a step reads fewer rows at a time. So the longest rows need the most memory while all
        prompts are trained, which may be over before these rows come.
        """
        candidates, rungs = plan_of(train)
        most = start = 0
        for end, left in [*((rung.step, rung.keep) for rung in rungs), (train.steps, 0)]:
            if start < end:
                lengths = self.step_lengths[start:end] if end <= len(self.step_lengths) else [self.longest_row]
                most = max(most, self._rows(train, candidates) * max(lengths))
            start, candidates = end, left
        one, all_rows = self._rows(train, 1), self._rows(train, self.together)
        if all_rows == one:
            return max(self.memory_of_one, self.memory_of_all)
        share = (most / self.longest_row - one) / (all_rows - one)
        return round(self.memory_of_one + min(1.0, max(0.0, share)) * (self.memory_of_all - self.memory_of_one))

    def remarks(self) -> list[str]:
        """Returns warnings about the numbers, one sentence each."""
        remarks = []
        if self.halved:
            remarks.append(
                f"Memory is too small for a whole batch: {self.micro_batch} rows at most are read at a time, which is "
                "as exact."
            )
        if self.other_programs > _BUSY:
            remarks.append(
                f"Other programs took {100 * self.other_programs:.0f} % of the processor meanwhile: without them the "
                "run is faster."
            )
        return remarks

    def _rows(self, train: TrainConfig, prompts: int) -> int:
        """Returns how many rows a step of so many prompts reads at a time: those of whole prompts if several fit."""
        of_one = train.batch_size * train.accumulation
        at_once = min(prompts, self.micro_batch // of_one)
        return at_once * of_one if at_once else min(self.micro_batch, of_one)

    def to_dict(self) -> dict[str, Any]:
        """Returns a dictionary that JSON can hold and `from_dict` reads."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Measured:
        """Reads what `to_dict` returned. Raises ValueError if it is something else."""
        try:
            return cls(
                starting_seconds=float(values["starting_seconds"]),
                step_seconds=float(values["step_seconds"]),
                together=int(values["together"]),
                together_seconds=float(values["together_seconds"]),
                scoring_seconds=float(values["scoring_seconds"]),
                testing_seconds=float(values["testing_seconds"]),
                memory_of_one=int(values["memory_of_one"]),
                memory_of_all=int(values["memory_of_all"]),
                micro_batch=int(values["micro_batch"]),
                halved=bool(values["halved"]),
                step_lengths=tuple(map(int, values["step_lengths"])),
                longest_row=int(values["longest_row"]),
                other_programs=float(values["other_programs"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"No measurement: {error}.") from error


def in_words(seconds: float | None, memory: int, *, on_gpu: bool = False) -> str:
    """Formats time and memory of a run, such as "About 4 minutes, 1.9 GB of memory"; seconds: None if unknown."""
    size = f"{memory / 1e9:.1f} GB" if memory >= 1e9 else f"{memory / 1e6:.0f} MB"
    size += " of GPU memory" if on_gpu else " of memory"
    return f"About {size}" if seconds is None else f"{_about(seconds)}, {size}"


def _about(seconds: float) -> str:
    """Formats a duration in whole minutes or, from two hours on, in hours with one decimal."""
    if seconds < 50:
        return "Less than a minute"
    if seconds >= 7200:
        return f"About {seconds / 3600:.1f} hours"
    minutes = round(seconds / 60)
    return f"About {minutes} minute{'' if minutes == 1 else 's'}"
