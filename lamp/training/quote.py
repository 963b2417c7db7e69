"""How long a run takes and how much memory it needs: the measured parts of a run, and the whole made from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lamp.config import TrainConfig
from lamp.training.halving import plan_of, work_left

_BUSY = 0.2
"""Share of the processor from which on other programs are worth a remark."""


@dataclass(frozen=True)
class Measured:
    """The parts of a run as lamp.training.measuring found them on this machine."""

    starting_seconds: float
    """From the start of the process to the first step: libraries, those of the end too, backbone, rows, first prompt;
    and what the first steps took longer than the later ones."""
    step_seconds: float
    """A step of one prompt, the mean over the run's batches."""
    together: int
    """How many prompts the run begins with."""
    together_seconds: float
    """A step of all of these."""
    scoring_seconds: float
    """One scoring of the held-out rows."""
    testing_seconds: float
    """The test at the end, with the prompt and without it."""
    memory_of_one: int
    """Bytes at the peak of one prompt's steps on the longest rows: of the process on a CPU, of the card on a GPU."""
    memory_of_all: int
    """The same of all prompts' steps."""
    micro_batch: int
    """Rows that were read at a time of all prompts."""
    halved: bool
    """Whether that is fewer than usual, because memory was too small for more."""
    step_lengths: tuple[int, ...]
    """Tokens of the longest row of each step, which follow from the seed; of the first steps of a long run."""
    longest_row: int
    """Tokens of the longest row of all."""
    other_programs: float
    """Share of the processor that other programs took meanwhile, between 0 and 1; 0 on a GPU."""

    def seconds(self, train: TrainConfig) -> float:
        """Seconds of a whole run with this number of steps and this evaluation interval."""
        left = work_left(train)
        further = (self.together_seconds - self.step_seconds) / max(1, self.together - 1)
        steps = train.steps * self.step_seconds + (left.steps - train.steps) * further
        scorings = (left.scorings + 1) * self.scoring_seconds  # the untrained backbone is scored too
        voting = (train.voters - 1) * self.scoring_seconds  # about as many rows are tested
        return self.starting_seconds + steps + scorings + self.testing_seconds + voting

    def memory(self, train: TrainConfig) -> int:
        """Bytes at the peak of a run, which reads the fewer rows at a time the fewer prompts are left.

        So the longest rows count most while all prompts are trained, and may only come later.
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
        """What should be known beside the numbers, one sentence each."""
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
        """Rows that a step of so many prompts reads at a time: of whole prompts where several of them have room."""
        of_one = train.batch_size * train.accumulation
        at_once = min(prompts, self.micro_batch // of_one)
        return at_once * of_one if at_once else min(self.micro_batch, of_one)

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold and `from_dict` reads."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Measured:
        """Raises ValueError where it is not what `to_dict` gives."""
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
    """Time and memory of a run, such as "About 4 minutes, 1.9 GB of memory"; seconds: None where they are unknown."""
    size = f"{memory / 1e9:.1f} GB" if memory >= 1e9 else f"{memory / 1e6:.0f} MB"
    size += " of GPU memory" if on_gpu else " of memory"
    return f"About {size}" if seconds is None else f"{_about(seconds)}, {size}"


def _about(seconds: float) -> str:
    """A duration in whole minutes or, from two hours on, in hours with one decimal."""
    if seconds < 50:
        return "Less than a minute"
    if seconds >= 7200:
        return f"About {seconds / 3600:.1f} hours"
    minutes = round(seconds / 60)
    return f"About {minutes} minute{'' if minutes == 1 else 's'}"
