"""One training step: the gradient of a batch, in parts as large as memory allows, and the optimizer's move."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator

from lamp.backbone.batch import Batch
from lamp.backbone.forward import target_log_likelihood
from lamp.backbone.frozen import FrozenBackbone
from lamp.config import TrainConfig
from lamp.data.encoding import Encoded
from lamp.errors import TrainingError


class LossDiverged(Exception):
    """The loss of a step is not a finite number; the factors were not changed."""

    def __init__(self, loss: float) -> None:
        self.loss = loss
        super().__init__(f"The loss became {loss}.")


@dataclass(frozen=True)
class StepResult:
    """What one step measured."""

    loss: float
    """Mean over the rows of all processes, before the step."""
    gradient_norm: float
    """Before clipping."""


@dataclass
class PromptTrainer:
    """What a training step works with; `create` puts it together."""

    accelerator: Accelerator
    backbone: FrozenBackbone
    prompt: torch.nn.Module
    """Its parameters are trained; called, it gives the virtual tokens (l', hidden), or None for none."""
    module: Any
    """`prompt` as accelerate wrapped it: the same parameters, with gradients reduced over processes."""
    optimizer: Any
    """AdamW, wrapped by accelerate. A parameter group may have a "rate_scale", a factor on its learning rate."""
    collate: Callable[[Sequence[Encoded]], Batch]
    clip_norm: float
    micro_batch: int
    """Rows read at a time. Halved where memory is too small for them."""
    log_line: Callable[[str], None]

    @classmethod
    def create(
        cls,
        backbone: FrozenBackbone,
        prompt: torch.nn.Module,
        collate: Callable[[Sequence[Encoded]], Batch],
        settings: TrainConfig,
        log_line: Callable[[str], None] = lambda _: None,
    ) -> PromptTrainer:
        """Moves the prompt to this process's device and prepares AdamW without weight decay for its parameters.

        collate: pads rows to a batch on the backbone's device; log_line: is told when memory runs out.
        """
        # float16 wants its gradients scaled; the factors themselves are float32 in every precision.
        accelerator = Accelerator(mixed_precision="fp16" if backbone.dtype == torch.float16 else "no")
        prompt.to(accelerator.device)
        optimizer = torch.optim.AdamW(prompt.parameters(), lr=settings.learning_rate, weight_decay=0.0)
        module, prepared = accelerator.prepare(prompt, optimizer)
        return cls(
            accelerator, backbone, prompt, module, prepared, collate, settings.clip_norm, settings.batch_size, log_line
        )


def train_step(trainer: PromptTrainer, rows: Sequence[Encoded], learning_rate: float) -> StepResult:
    """Moves the prompt's parameters once by the gradient of the mean loss of `rows`.

    Several processes each bring as many rows of their own, and all move alike. Raises LossDiverged before anything is
    moved, and TrainingError when memory is too small for a single row.
    """
    loss = _gradient(trainer, rows)
    if not math.isfinite(loss):
        raise LossDiverged(loss)
    for group in trainer.optimizer.param_groups:
        group["lr"] = learning_rate * group.get("rate_scale", 1.0)
    norm = trainer.accelerator.clip_grad_norm_(trainer.module.parameters(), trainer.clip_norm)
    trainer.optimizer.step()
    return StepResult(loss, float(norm or 0.0))


def _gradient(trainer: PromptTrainer, rows: Sequence[Encoded]) -> float:
    """Mean loss of the rows; its gradient is left in the parameters."""
    accelerator = trainer.accelerator
    while True:
        trainer.module.zero_grad(set_to_none=True)
        try:
            total = 0.0
            for part, is_last in _parts(rows, trainer.micro_batch):
                with nullcontext() if is_last else accelerator.no_sync(trainer.module):
                    likelihood = target_log_likelihood(trainer.backbone, trainer.module(), trainer.collate(part))
                    loss = -likelihood.sum() / len(rows)
                    accelerator.backward(loss)
                total += loss.item()
            mean = accelerator.reduce(torch.tensor(total, device=accelerator.device), "mean")
            return float(mean.item())
        except torch.OutOfMemoryError as error:
            if trainer.micro_batch == 1:
                longest = max(row.length for row in rows)
                raise TrainingError(
                    f"A single row of {longest} tokens does not fit in the memory of {accelerator.device}: "
                    "lower the longest input, or take a smaller backbone."
                ) from error
        torch.cuda.empty_cache()
        trainer.micro_batch = max(1, trainer.micro_batch // 2)
        trainer.log_line(f"Out of memory: going on with {trainer.micro_batch} rows at a time, the same batch in all.")


def _parts(rows: Sequence[Encoded], size: int) -> Iterator[tuple[Sequence[Encoded], bool]]:
    """`size` rows at a time, and whether they are the last ones."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size], start + size >= len(rows)
