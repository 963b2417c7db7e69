"""The ways that a prompt is compared with, the request for a comparison, and its results; needs no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from lamp.errors import ConfigError, DataError
from lamp.files import written_whole
from lamp.text_limits import text_problems

Way = Literal["instruction", "examples", "plain", "long_plain", "lora"]
WAYS: tuple[Way, ...] = get_args(Way)
"""All ways, in the order in which they are tried: the cheapest first."""
TRAINED: tuple[Way, ...] = ("plain", "long_plain", "lora")
"""The ways that are trained; the others are texts."""
LONG = 5
"""Length of the longer plain prompt, as a multiple of the prompt's."""
NAMES: dict[str, str] = {
    "instruction": "A written instruction",
    "examples": "Examples in the prompt",
    "plain": "A plain prompt of as many tokens",
    "long_plain": f"A plain prompt of {LONG} times as many",
    "lora": "LoRA, rank 8",
}
NUMBER_BYTES = 4
"""Bytes of a trained number, in float32."""
_LONGEST_INSTRUCTION = 400
"""Limit on a proposed instruction, in characters: a longer one would be an unreadable list of labels."""


@dataclass(frozen=True)
class Request:
    """The ways that a comparison tries."""

    ways: tuple[str, ...] = WAYS
    instruction: str = ""
    """The text before every input for the way "instruction"."""

    def check(self) -> None:
        """Raises ConfigError with every problem."""
        problems = [
            f"{way!r} is no way to compare with: use {', '.join(WAYS)}." for way in self.ways if way not in WAYS
        ]
        if not self.ways:
            problems.append("Choose at least one way to compare with.")
        if "instruction" in self.ways and not self.instruction.strip():
            problems.append("Write the instruction that the model is to follow: it is empty.")
        if problems := problems + text_problems("The instruction", self.instruction):
            raise ConfigError(problems)


@dataclass(frozen=True)
class WayResult:
    """The outcome of one way on the rows that the prompt was tested on."""

    way: str
    scores: dict[str, float] = field(default_factory=dict)
    row_scores: dict[int, float] = field(default_factory=dict)
    """Score of the answer to each row, by the row's index in its table: 1 or 0 for a label, ROUGE-L for a text."""
    numbers: int = 0
    """Number of trained values."""
    tokens: int = 0
    """Number of tokens before every input."""
    bytes: int = 0
    """Bytes to store: the trained values in float32, or the text."""
    seconds: float = 0.0
    """Training time, including the search for the learning rate."""
    steps: int = 0
    learning_rate: float | None = None
    """The rate that the search found."""
    rate_at_edge: bool = False
    """Whether that was the lowest or highest rate tried, so that one beyond it might be better."""
    text: str = ""
    """The text before every input, if the way is a text."""
    comparison: str = ""
    """The comparison that tried it."""
    problem: str = ""
    """Why it could not be tried, in one sentence; then it has no scores."""


def proposed_instruction(labels: Sequence[str], target: str) -> str:
    """Proposes an instruction. labels: the possible answers, empty for texts; target: the target column."""
    listed = f"Answer with one of: {', '.join(labels)}."
    return listed if labels and len(listed) <= _LONGEST_INSTRUCTION else f"Write the {target}, and nothing else."


def keep_result(result: WayResult, file: Path, made_for: str) -> None:
    """Adds a result to a file, replacing an earlier one of the same way.

    made_for: identifies the prompt, if a run had several in turn; results for another one are dropped. Raises OSError.
    """
    kept = [other for other in _read_if_whole(file, made_for) if other.way != result.way]
    order = sorted([*kept, result], key=lambda one: WAYS.index(one.way) if one.way in WAYS else len(WAYS))
    with written_whole(file) as staged:
        content = {"made_for": made_for, "results": [asdict(one) for one in order]}
        staged.write_text(json.dumps(content), encoding="utf-8")


def read_ways(file: Path, made_for: str) -> tuple[WayResult, ...]:
    """Reads the results for a prompt; empty if there are none. Raises DataError if the file is damaged."""
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return tuple(map(_result, content["results"])) if content["made_for"] == made_for else ()
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"What other ways answered cannot be read: {error}.") from error


def _read_if_whole(file: Path, made_for: str) -> tuple[WayResult, ...]:
    try:
        return read_ways(file, made_for)
    except DataError:  # what is damaged is tried again
        return ()


def _result(values: Mapping[str, Any]) -> WayResult:
    """Reads a result from parsed JSON, whose keys are texts. Raises TypeError, ValueError, KeyError."""
    result = WayResult(**values)
    return replace(result, row_scores={int(row): float(score) for row, score in values["row_scores"].items()})
