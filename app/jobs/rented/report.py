"""The reports of a job on its run: JSON files with rising numbers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from lamp.errors import LampError
from storage.metrics import Value
from storage.states import JobState

FOLDER = "reports"


@dataclass(frozen=True)
class Report:
    """The state of the run on the rented machine, and what is new since the report before."""

    state: JobState
    phase: str
    step: int
    error: str | None
    scores: dict[str, float]
    has_prompt: bool
    values: list[Value]
    """New values of the curves; all of them in the last report of a run."""
    first_line: int
    """Index of the first of `lines` in the run's log there, from 0."""
    lines: list[str]

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Report:
        """Reads a report. Raises LampError if the text is none."""
        try:
            given = json.loads(text)
            return cls(
                state=JobState(given["state"]),
                phase=str(given["phase"]),
                step=int(given["step"]),
                error=None if given["error"] is None else str(given["error"]),
                scores={str(name): float(value) for name, value in given["scores"].items()},
                has_prompt=bool(given["has_prompt"]),
                values=[(int(step), str(name), float(value)) for step, name, value in given["values"]],
                first_line=int(given["first_line"]),
                lines=[str(line) for line in given["lines"]],
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            raise LampError("A report of the rented machine cannot be read.") from None


def name_of(number: int) -> str:
    """Returns the name of a report's file."""
    return f"{number:06}.json"
