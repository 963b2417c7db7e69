"""Records beside the checkpoints of a run which recipe and rows they were made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from lamp.config import TuneConfig
from lamp.data.splits import Splits
from lamp.files import written_whole

RECORD = "run.json"
"""Name of the file with the record."""
_MAY_CHANGE = frozenset(
    f"train.{name}"
    for name in ("steps", "evaluate_every", "checkpoint_every", "patience", "gradient_checkpointing", "compile")
) | {"data.max_written_rows"}
"""Fields of the recipe that may change when a run continues: its length, evaluation, and how it is computed."""
_LONGEST_VALUE = 40


Swept = Mapping[str, Sequence[float]]
"""The values of each swept field, by the name of the field."""


def other_run(checkpoints: Path, config: TuneConfig, splits: Splits, swept: Swept | None = None) -> str:
    """Returns how the run that made the checkpoints in a folder differs from this one, to follow "it has".

    Returns "" if it does not differ or there is none. Checkpoints of earlier versions have no record and are taken for
    this run's.
    """
    recorded = _recorded(checkpoints)
    if recorded is None or not any(checkpoints.glob("step-*")):
        return ""
    if recorded.get("sweep") != _sweep(swept):
        return "other values that are tried side by side"
    there, here = dict(_fields(recorded["recipe"])), dict(_fields(config.to_dict()))
    names = [name for name in here if there.get(name, here[name]) != here[name] and name not in _MAY_CHANGE]
    if names:
        more = f", and another {', '.join(names[1:])}" if len(names) > 1 else ""
        return f"{names[0]} {_short(there[names[0]])} instead of {_short(here[names[0]])}{more}"
    return "" if recorded["rows"] == _digest(splits) else "other rows"


def record_run(checkpoints: Path, config: TuneConfig, splits: Splits, swept: Swept | None = None) -> None:
    """Records what the checkpoints in a folder will be made from. Raises OSError."""
    content = {"recipe": config.to_dict(), "rows": _digest(splits), "sweep": _sweep(swept)}
    with written_whole(checkpoints / RECORD) as staged:
        staged.write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")


def _recorded(checkpoints: Path) -> Mapping[str, Any] | None:
    """Reads the record; None if there is none that can be read."""
    try:
        content = json.loads((checkpoints / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    is_whole = isinstance(content, dict) and isinstance(content.get("recipe"), dict) and "rows" in content
    return content if is_whole else None


def _sweep(swept: Swept | None) -> dict[str, list[float]] | None:
    """Returns the swept values as the record stores them."""
    return None if swept is None else {name: list(values) for name, values in swept.items()}


def _fields(recipe: Mapping[str, Any], section: str = "") -> Iterator[tuple[str, Any]]:
    """Yields each field of a recipe with its full name, such as "train.seed"."""
    for name, value in recipe.items():
        if isinstance(value, dict):
            yield from _fields(value, f"{section}{name}.")
        else:
            yield f"{section}{name}", value


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _digest(splits: Splits) -> str:
    """Returns the SHA-256 of all rows in order, with the part that each belongs to."""
    digest = hashlib.sha256(f"{splits.task} {len(splits.train)} ".encode())
    for example in chain.from_iterable(splits.parts):
        for text in (example.text, example.target):
            encoded = text.encode("utf-8", "surrogatepass")
            digest.update(b"%d " % len(encoded))
            digest.update(encoded)
    return digest.hexdigest()
