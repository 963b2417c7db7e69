"""The progress of a run, and how checkpoints store it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from torch import Tensor

from lamp.inference.scores import Scores
from lamp.training.candidate import Candidate
from lamp.training.checkpoint import save_checkpoint


@dataclass
class Progress:
    """The state of a run after a step, apart from its candidates."""

    step: int = 0
    scored: int = 0
    """The last step after which the candidates were scored."""
    untrained: Scores | None = None
    micro_batch: int = 0
    """Rows read at a time; fewer than a batch if memory was too small for all."""
    graphs: dict[str, Any] | None = None
    """State of the recorded steps; None where steps are not recorded."""


def save_progress(folder: Path, candidates: Sequence[Candidate], progress: Progress) -> None:
    """Writes a checkpoint. Raises OSError, as when the disk is full."""
    tensors = {
        _prefix(number) + name: tensor
        for number, candidate in enumerate(candidates)
        for name, tensor in candidate.tensors().items()
    }
    values = {**vars(progress), "candidates": [candidate.state() for candidate in candidates]}
    save_checkpoint(folder, progress.step, tensors, {"progress": values})


def restore_progress(
    saved: tuple[Mapping[str, Tensor], Mapping[str, Any]], candidates: Sequence[Candidate]
) -> Progress:
    """Restores the candidates from a checkpoint, and returns the progress."""
    tensors, values = saved[0], dict(saved[1]["progress"])
    shared = {field.name for field in fields(Progress)}
    # Checkpoints of versions without candidates store the state of the only prompt beside that of the run.
    states = values.pop("candidates", None) or [{name: values[name] for name in values if name not in shared}]
    for number, (candidate, state) in enumerate(zip(candidates, states, strict=True)):
        prefix = _prefix(number)
        own = {
            name.removeprefix(prefix): tensor
            for name, tensor in tensors.items()
            if name.startswith(prefix or ("best/", "factor/", "adamw/", "mean_prompt"))
        }
        candidate.restore(own, state)
    return Progress(**{name: value for name, value in values.items() if name in shared})


def _prefix(number: int) -> str:
    """Returns the prefix of a candidate's tensor names; empty for the first one, as in older checkpoints."""
    return f"{number}/" if number else ""
