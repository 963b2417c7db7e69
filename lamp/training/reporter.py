"""Who listens to a training run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


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
