"""Failures that one sentence explains to the person who can do something about them."""

from __future__ import annotations

from collections.abc import Iterable


class LampError(Exception):
    """Base of every failure whose message is meant to be shown as it is."""


class ConfigError(LampError):
    """A recipe that cannot be run; lists every problem at once."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(self.problems))


class DataError(LampError):
    """A data set that cannot be read or cannot be learned from."""


class BackboneError(LampError):
    """A backbone that cannot be found, reached or used with a soft prompt."""


class TrainingError(LampError):
    """A training run that had to end, with what to try next."""


class OutOfMemory(TrainingError):
    """Not even one row fits into memory."""
