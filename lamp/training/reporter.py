"""Reporter: the interface through which a training run reports its progress and can be stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Sample:
    """A held-out row and the answer to it at one evaluation."""

    row: int
    """Index in the table, from 0"""
    input: str
    expected: str
    answer: str


class Reporter(Protocol):
    """Receives the progress of a training run and can stop it. All that lamp knows of its callers."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Receives metrics after `step` steps; validation scores have the prefix "validation/"."""

    def phase(self, text: str) -> None:
        """Receives what the run is doing now, as a short sentence."""

    def part(self, share: float) -> None:
        """Receives how much of the phase is done, between 0 and 1; reported for long phases only."""

    def note(self, text: str) -> None:
        """Receives one line for the log."""

    def samples(self, step: int, rows: Sequence[Sample]) -> None:
        """Receives the answers to a few held-out rows at an evaluation; always the same rows."""

    def should_stop(self) -> bool:
        """Returns whether the run should end now; called before each step and each batch of an evaluation."""


class SilentReporter:
    """A Reporter that ignores everything and never stops the run; a base class of those that need a part of it."""

    def log(self, step: int, values: Mapping[str, float]) -> None: ...

    def phase(self, text: str) -> None: ...

    def part(self, share: float) -> None: ...

    def note(self, text: str) -> None: ...

    def samples(self, step: int, rows: Sequence[Sample]) -> None: ...

    def should_stop(self) -> bool:
        return False
