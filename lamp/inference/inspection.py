"""The result of inspecting a trained prompt, and its file, which the server reads without torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lamp.errors import DataError

Word = tuple[str, float]
"""(a token of the vocabulary as text, its cosine similarity from -1 to 1)"""


@dataclass(frozen=True)
class InspectedToken:
    """A virtual token."""

    before: tuple[Word, ...]
    """The words nearest to the token before training, nearest first; empty if the first prompt is unknown"""
    after: tuple[Word, ...]
    moved: float
    """How far the token moved, as a share of its norm before training; 0 if that is unknown"""


@dataclass(frozen=True)
class InspectedDirection:
    """A singular triplet (u, q, v) of the prompt."""

    weight: float
    """Change of the composed prompt when the triplet is left out, as a share of the prompt's norm"""
    words: tuple[Word, ...]
    """The words nearest to v by absolute similarity: a negative one means the opposite direction"""


@dataclass(frozen=True)
class MapPoint:
    """The direction of a vector, projected onto a plane."""

    x: float
    y: float
    kind: str
    """"before", "after" or "word\""""
    name: str


@dataclass(frozen=True)
class Inspection:
    """The result of inspecting a trained prompt."""

    tokens: tuple[InspectedToken, ...]
    directions: tuple[InspectedDirection, ...]
    """Sorted by weight, largest first"""
    points: tuple[MapPoint, ...]
    """All tokens and the words nearest to them: the first two principal components of their unit vectors"""
    variance: float
    """Share of the variance that the two components explain, 0 to 1"""


def write_inspection(inspection: Inspection, file: Path) -> None:
    """Writes the inspection as JSON. Raises OSError."""
    file.write_text(json.dumps(asdict(inspection)), encoding="utf-8")


def read_inspection(file: Path) -> Inspection | None:
    """Reads what `write_inspection` wrote; None if there is no file. Raises DataError when it is damaged."""
    try:
        values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return Inspection(
            tuple(
                InspectedToken(_words(token["before"]), _words(token["after"]), float(token["moved"]))
                for token in values["tokens"]
            ),
            tuple(InspectedDirection(float(one["weight"]), _words(one["words"])) for one in values["directions"]),
            tuple(MapPoint(float(p["x"]), float(p["y"]), str(p["kind"]), str(p["name"])) for p in values["points"]),
            float(values["variance"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"What was found in the prompt cannot be read: {error}.") from error


def _words(pairs: Sequence[Sequence[Any]]) -> tuple[Word, ...]:
    return tuple((str(word), float(value)) for word, value in pairs)
