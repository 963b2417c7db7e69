"""What can be seen in a trained prompt, as values and as a file: the server reads them without torch."""

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
    """The words nearest to it before training, the nearest first; empty where that prompt is not known any more"""
    after: tuple[Word, ...]
    moved: float
    """How far it moved, as a share of its length before training; 0 where that is not known"""


@dataclass(frozen=True)
class InspectedDirection:
    """A singular triplet u, q, v of the prompt."""

    weight: float
    """The change of the composed prompt when it is left out, as a share of the prompt's norm"""
    words: tuple[Word, ...]
    """The words nearest to v, in either sense: a negative similarity is to its opposite"""


@dataclass(frozen=True)
class MapPoint:
    """A vector's direction on a plane."""

    x: float
    y: float
    kind: str
    """"before", "after" or "word\""""
    name: str


@dataclass(frozen=True)
class Inspection:
    """What can be seen in a trained prompt."""

    tokens: tuple[InspectedToken, ...]
    directions: tuple[InspectedDirection, ...]
    """The weightiest first"""
    points: tuple[MapPoint, ...]
    """The first two principal components of the unit vectors of all tokens and of the words nearest to them"""
    variance: float
    """The share of their variance that the two components show, 0 to 1"""


def write_inspection(inspection: Inspection, file: Path) -> None:
    """Writes JSON. Raises OSError."""
    file.write_text(json.dumps(asdict(inspection)), encoding="utf-8")


def read_inspection(file: Path) -> Inspection | None:
    """What `write_inspection` wrote; None where there is no file. Raises DataError when it is damaged."""
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
