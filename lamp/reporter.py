"""Who listens to a training run, and how the run puts things in its log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from lamp.data import Splits
from lamp.metrics import Scores


class Reporter(Protocol):
    """Who listens to a training run; the one way up out of this package."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers after `step` steps; validation scores have a "validation/" prefix."""

    def phase(self, text: str) -> None:
        """What the run is doing now, in a short sentence."""

    def part(self, share: float) -> None:
        """How much of the phase is done, between 0 and 1; told of the long ones."""

    def note(self, text: str) -> None:
        """One line for the log."""

    def should_stop(self) -> bool:
        """Whether to end at the next step; asked at each one."""


def data_summary(splits: Splits, truncated: int, limit: int) -> str:
    """What is learned from, and what of it was left out or cut to `limit` tokens."""
    parts = [f"{len(splits.train)} rows to train on, {len(splits.validation)} held out"]
    if splits.skipped:
        parts.append(f"{splits.skipped} without a target left out")
    if truncated:
        parts.append(f"{truncated} inputs cut to {limit} tokens")
    return ", ".join(parts) + "."


def listed(scores: Scores) -> str:
    """"accuracy 0.85, loss 0.31"."""
    return ", ".join(f"{name} {value:.4g}" for name, value in scores.items())


def short(text: str) -> str:
    """A text as one line of at most 70 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 70 else line[:67] + "..."
