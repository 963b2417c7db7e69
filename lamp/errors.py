"""Errors whose message is one sentence that tells people what they can do."""

from __future__ import annotations

from collections.abc import Iterable


class LampError(Exception):
    """Base class of every error whose message is shown to people unchanged."""


class ConfigError(LampError):
    """The recipe cannot be run; lists every problem at once."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(self.problems))


class DataError(LampError):
    """The data set cannot be read, or nothing can be learned from it."""


class BackboneError(LampError):
    """The backbone cannot be found, reached or used with a soft prompt."""


class TrainingError(LampError):
    """The training run had to end; the message says what to try next."""


class OutOfMemory(TrainingError):
    """Not even one row fits into memory, so a smaller batch does not help."""


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message, or its class name if it has none."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip() if lines else type(error).__name__
