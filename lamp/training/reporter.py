"""Reporter: what a training run reports to, and what can stop it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Sample:
    """A held-out row as it was answered at one score."""

    row: int
    """Its index in the table, from 0"""
    input: str
    expected: str
    answer: str


class Reporter(Protocol):
    """Receives the progress of a training run and can stop it. lamp knows its callers by this interface alone."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers after `step` steps; validation scores have a "validation/" prefix."""

    def phase(self, text: str) -> None:
        """What the run is doing now, in a short sentence."""

    def part(self, share: float) -> None:
        """How much of the phase is done, between 0 and 1; reported for long phases only."""

    def note(self, text: str) -> None:
        """One line for the log."""

    def samples(self, step: int, rows: Sequence[Sample]) -> None:
        """The answers to a few held-out rows at a score, always the same ones."""

    def should_stop(self) -> bool:
        """Whether the run should end now; called before each step and each batch of an evaluation."""
