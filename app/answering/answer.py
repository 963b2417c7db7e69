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
        return cls(**{**values, "inputs": tuple(values["inputs"]), "sampling": Sampling(**values["sampling"])})
