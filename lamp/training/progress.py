"""The progress of a run, and how it is written to checkpoints and read from them."""

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
    """Where a run stands at one step, without its candidates."""

    step: int = 0
    scored: int = 0
    """The last step that was scored."""
    untrained: Scores | None = None
    micro_batch: int = 0
    """Rows read at a time: fewer than a batch where memory was too small for it."""
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
    """Puts a checkpoint's values back into the candidates."""
    tensors, values = saved[0], dict(saved[1]["progress"])
    shared = {field.name for field in fields(Progress)}
    # Checkpoints from before there were candidates hold the only one's state beside the run's.
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
    """What the names of a candidate's tensors begin with; the first one's are as they were before there were others."""
    return f"{number}/" if number else ""
