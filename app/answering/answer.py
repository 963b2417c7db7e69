"""What is asked of a trained prompt, and its answers, as values that go between two processes as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lamp.sampling import GREEDY, Sampling


@dataclass(frozen=True)
class Answer:
    """One input answered with and without the trained prompt."""

    text: str
    """What the model read after the virtual tokens; of an input that was cut, what was left of it."""
    tuned: str
    untrained: str
    tuned_probabilities: dict[str, float]
    """Label → probability; empty for generation."""
    untrained_probabilities: dict[str, float]
    cut_to: int | None = None
    """Tokens that the input was cut to because it is longer; None when the model read all of it."""
    loss: float | None = None
    """Of the expected text behind the tuned prompt, where that was asked for instead of an answer."""


WAYS = ("blend", "after", "alone")
"""The tokens of both are blended; the other prompt's follow; the other prompt stands in place of the first."""


@dataclass(frozen=True)
class Mix:
    """Another exported prompt of the same backbone, put together with the one of a request."""

    folder: str
    way: str
    """One of WAYS"""
    share: float = 0.0
    """How much of the request's prompt a blend holds, 0 to 1"""


OnAnswers = Callable[[list[Answer]], None]
"""Called after each token of free text with all answers as far as they are written."""


CANCEL = "cancel\n"
"""What is sent in place of a request to end the one before it."""


@dataclass(frozen=True)
class Request:
    """Inputs for one exported prompt. Without inputs its backbone is only made ready."""

    folder: str
    """The folder of the exported prompt."""
    source: str
    """Folder or Hub id to load its backbone from."""
    inputs: tuple[dict[str, str], ...] = ()
    """A value for each input column."""
    untrained: bool = True
    """Whether the inputs are answered without the prompt as well."""
    sampling: Sampling = GREEDY
    """Of free text."""
    vote: bool = False
    """Whether all prompts of the run pick the label together, where several vote."""
    without: int | None = None
    """The virtual token, from 0, that is left out of the prompt; None for the whole prompt."""
    mix: Mix | None = None
    """What the prompt is mixed with; None for the prompt alone."""
    expected: tuple[str, ...] = ()
    """The right text of each input: then its loss is the answer, and nothing is written."""
    growing: bool = False
    """Whether answers are sent while they are written."""
    inspection: str = ""
    """The file that gets what can be seen in the prompt, if that is asked for; inputs are not answered then."""

    def as_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Request:
        """The request that `as_dict` gave."""
        mix = Mix(**values["mix"]) if values["mix"] else None
        lists = {name: tuple(values[name]) for name in ("inputs", "expected")}
        return cls(**{**values, **lists, "sampling": Sampling(**values["sampling"]), "mix": mix})
