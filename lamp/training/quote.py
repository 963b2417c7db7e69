"""How long a run takes and how much memory it needs: the measured parts of a run, and the whole made from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lamp.config import TrainConfig
from lamp.training.halving import work_left


@dataclass(frozen=True)
class Measured:
    """The parts of a run as lamp.training.measuring found them on this machine."""

    starting_seconds: float
    """From the start of the process to the first step: libraries, backbone, rows, first prompt; and what the first
    steps took longer than the later ones."""
    step_seconds: float
    """A step of one prompt, the mean over the run's batches."""
    together: int
    """How many prompts the run begins with."""
    together_seconds: float
    """A step of all of these."""
    scoring_seconds: float
    """One scoring of the held-out rows."""
    writing_seconds: float
    """Writing answers to held-out rows at the end; 0 for classification."""
    memory: int
    """Bytes at the peak: of the process on a CPU, of the card on a GPU."""
    rows_at_a_time: int | None
    """How many rows a step reads at a time because memory is too small for more; None where it is not."""

    def seconds(self, train: TrainConfig) -> float:
        """Seconds of a whole run with this number of steps and this evaluation interval."""
        left = work_left(train)
        further = (self.together_seconds - self.step_seconds) / max(1, self.together - 1)
        steps = train.steps * self.step_seconds + (left.steps - train.steps) * further
        scorings = (left.scorings + 1) * self.scoring_seconds  # the untrained backbone is scored too
        return self.starting_seconds + steps + scorings + self.writing_seconds

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold and `from_dict` reads."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Measured:
        """Raises ValueError where it is not what `to_dict` gives."""
        try:
            rows = values["rows_at_a_time"]
            return cls(
                starting_seconds=float(values["starting_seconds"]),
                step_seconds=float(values["step_seconds"]),
                together=int(values["together"]),
                together_seconds=float(values["together_seconds"]),
                scoring_seconds=float(values["scoring_seconds"]),
                writing_seconds=float(values["writing_seconds"]),
                memory=int(values["memory"]),
                rows_at_a_time=None if rows is None else int(rows),
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
