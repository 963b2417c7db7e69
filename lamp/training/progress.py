"""The progress of a run, and how it is written to checkpoints and read from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lamp.inference.confusion_matrix import ConfusionMatrix
from lamp.inference.scores import Scores
from lamp.prompt import LampPrompt
from lamp.training.checkpoint import save_checkpoint


@dataclass
class Progress:
    """The state of a run at one step, without its factors and its optimizer."""

    step: int = 0
    scored: int = 0
    """The last step that was scored."""
    best_step: int = 0
    best_scores: Scores | None = None
    best_confusion: ConfusionMatrix | None = None
    """The confusion matrix of the best evaluation; None for generation."""
    untrained: Scores | None = None
    micro_batch: int = 0
    """Rows read at a time: fewer than a batch where memory was too small for it."""
    waited: int = 0
    """Evaluations since the best one."""
    graphs: dict[str, Any] | None = None
    """State of the recorded steps; None where steps are not recorded."""
    gradient_scale: dict[str, float] | None = None
    """State of float16's gradient scaler; no other precision has one."""


def save_progress(
    folder: Path, prompt: LampPrompt, optimizer: Any, best: Mapping[str, Tensor], progress: Progress
) -> None:
    """Writes a checkpoint: factors, the best ones so far, AdamW's moments, and what the run knows."""
    tensors = {f"factor/{name}": value for name, value in prompt.factors().items()}
    tensors |= {f"best/{name}": value for name, value in best.items()}
    for name, parameter in prompt.named_parameters():
        state = optimizer.optimizer.state.get(parameter, {})
        tensors |= {f"adamw/{name}/{key}": value for key, value in state.items()}
    counts = progress.best_confusion.counts if progress.best_confusion else None
    save_checkpoint(folder, progress.step, tensors, {"progress": {**vars(progress), "best_confusion": counts}})


def restore_progress(
    saved: tuple[Mapping[str, Tensor], Mapping[str, Any]], prompt: LampPrompt, optimizer: Any, labels: tuple[str, ...]
) -> tuple[dict[str, Tensor], Progress]:
    """Puts a checkpoint's values back into factors and optimizer; returns the best factors and the progress.

    labels: of the data set, in the order in which the checkpoint's confusion matrix counts them.
    """
    tensors, values = saved
    on_device = optimizer.param_groups[0].get("capturable", False)  # as recorded steps want the count of steps
    with torch.no_grad():
        for name, parameter in prompt.named_parameters():
            parameter.copy_(tensors[f"factor/{name}"])
            optimizer.state[parameter] = {
                key: tensors[f"adamw/{name}/{key}"].to(parameter.device if on_device or key != "step" else "cpu")
                for key in ("step", "exp_avg", "exp_avg_sq")
                if f"adamw/{name}/{key}" in tensors
            }
    best = {name: tensors[f"best/{name}"] for name, _ in prompt.named_parameters()}
    progress = Progress(**values["progress"])
    if counts := values["progress"].get("best_confusion"):  # checkpoints of early versions have none
        progress.best_confusion = ConfusionMatrix(labels, tuple(map(tuple, counts)))
    return best, progress
