"""The file of a few held-out rows as they were answered at each score of a run: one JSON object a score."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

from lamp.training.reporter import Sample

_LONGEST = 300
"""Characters of a text that are kept: the samples are looked at while the run goes on."""


@dataclass(frozen=True)
class ScoreSamples:
    """The answers at one score."""

    step: int
    rows: tuple[Sample, ...]


def add_samples(file: Path, step: int, rows: Sequence[Sample]) -> None:
    """Adds a score. A file that cannot be written (a full disk) does not end the run."""
    kept = [
        asdict(replace(row, input=_cut(row.input), expected=_cut(row.expected), answer=_cut(row.answer)))
        for row in rows
    ]
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8", errors="replace") as lines:
            lines.write(json.dumps({"step": step, "rows": kept}) + "\n")


def read_samples(file: Path) -> tuple[ScoreSamples, ...]:
    """All scores in rising steps; of a step that a resumed run repeated, the last one. Damaged lines are left out."""
    try:
        return _read(file, file.stat().st_size)
    except OSError:
        return ()


@lru_cache(maxsize=32)
def _read(file: Path, size: int) -> tuple[ScoreSamples, ...]:
    """size: of the file, which only grows."""
    scores: dict[int, ScoreSamples] = {}
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(ValueError, KeyError, TypeError):
            values = json.loads(line)
            scores[int(values["step"])] = ScoreSamples(values["step"], tuple(Sample(**row) for row in values["rows"]))
    return tuple(scores[step] for step in sorted(scores))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
