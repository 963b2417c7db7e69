"""One training step: computes the gradients of a batch, in parts that fit memory, and updates the prompts.

Several prompts can take the step together, each on rows of its own: the frozen backbone reads the rows of all of them
in one batch, each row behind its own prompt.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from accelerate.utils import reduce

from lamp.backbone.devices import process_state
from lamp.backbone.out_of_memory import is_out_of_memory
from lamp.data.encoding import Encoded
from lamp.errors import TrainingError
from lamp.training.step_graphs import Measured
from lamp.training.trainer import PromptTrainer, prompt_losses


class LossDiverged(Exception):
    """The loss of a step is not finite. Only a recorded step has changed the factors by then."""

    def __init__(self, loss: float) -> None:
        self.loss = loss
        super().__init__(f"The loss became {loss}.")

    def sentence(self, step: int, learning_rate: float, *, found: bool) -> str:
        """Returns what happened and what to try, without a full stop. found: whether the search chose the rate."""
        advice = "try the precision fp32" if found else "try a smaller one, or the precision fp32"
        return f"The loss became {self.loss} at step {step} with a learning rate of {learning_rate:g}: {advice}"


@dataclass(frozen=True)
class StepResult:
    """The measurements of one step of one prompt."""

    loss: float
    """Mean over the rows of all processes, before the update."""
    gradient_norm: float
    """Norm before clipping."""

    @property
    def diverged(self) -> bool:
        """Whether the loss is not finite."""
        return not math.isfinite(self.loss)


def train_step(trainer: PromptTrainer, rows: Sequence[Encoded], learning_rate: float) -> StepResult:
    """Updates the trainer's only prompt by the gradient of the mean loss of `rows`.

    Each of several processes passes the same number of rows of its own, and all make the same update. Raises
    LossDiverged, and TrainingError when memory is too small for a single row.
    """
    (measured,) = train_together(trainer, [rows], [learning_rate])
    if measured.diverged:
        raise LossDiverged(measured.loss)
    return measured


def train_together(
    trainer: PromptTrainer, rows: Sequence[Sequence[Encoded]], learning_rates: Sequence[float]
) -> list[StepResult]:
    """Updates every prompt by the gradient of the mean loss of its own rows, each at its own learning rate.

    rows: the same number for each prompt. A prompt whose loss is not finite is not updated, unless the step was a
    recorded one. Raises TrainingError when memory is too small for a single row.
    """
    for optimizer, learning_rate in zip(trainer.prompts, learning_rates, strict=True):
        optimizer.set_rate(learning_rate)
    replayed = _replayed(trainer, rows)
    if replayed is not None:
        return [StepResult(loss, norm) for loss, norm in torch.stack(replayed, dim=1).tolist()]  # one wait for all
    losses = _gradients(trainer, rows)
    norms = [
        float(optimizer.step(trainer.clip_norm)) if math.isfinite(loss) else 0.0
        for optimizer, loss in zip(trainer.prompts, losses, strict=True)
    ]
    return [StepResult(loss, norm) for loss, norm in zip(losses, norms, strict=True)]


def _replayed(trainer: PromptTrainer, rows: Sequence[Sequence[Encoded]]) -> Measured | None:
    """Takes the step by replaying a recording; None if it must be computed eagerly."""
    if trainer.graphs is None or not trainer.graphs.usable:
        return None
    together = [row for own in rows for row in own]
    one_length = len({optimizer.virtual_tokens for optimizer in trainer.prompts}) == 1
    if not one_length or len(together) > trainer.micro_batch:
        return None
    batch = trainer.collate(together)
    return trainer.graphs.step(batch) if trainer.room().holds(batch) else None


def _gradients(trainer: PromptTrainer, rows: Sequence[Sequence[Encoded]]) -> list[float]:
    """Returns the mean loss of each prompt's rows, and leaves its gradient in the prompt's parameters."""
    while True:
        for optimizer in trainer.prompts:
            optimizer.zero_grad()
        try:
            losses = [0.0] * len(rows)
            for part in _parts(trainer, rows):
                numbers = [number for number, _ in part]
                batch = trainer.collate([row for _, own in part for row in own])
                shares = [len(own) / len(rows[number]) for number, own in part]
                means = prompt_losses(trainer, numbers, batch)
                scaled = [
                    trainer.prompts[number].scaled(mean * share)
                    for number, mean, share in zip(numbers, means, shares, strict=True)
                ]
                torch.stack(scaled).sum().backward()  # type: ignore[no-untyped-call]  # torch's
                for number, mean, share in zip(numbers, means.tolist(), shares, strict=True):
                    losses[number] += mean * share
            return _reduced(trainer, losses)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if trainer.micro_batch == 1:
                longest = max(row.length for own in rows for row in own)
                raise TrainingError(
                    f"A single row of {longest} tokens does not fit in the memory of {trainer.device}: "
                    "lower the longest input, or take a smaller backbone."
                ) from error
        torch.cuda.empty_cache()
        trainer.micro_batch = max(1, trainer.micro_batch // 2)
        trainer.log_line(f"Out of memory: going on with {trainer.micro_batch} rows at a time, the same batch in all.")


def _parts(trainer: PromptTrainer, rows: Sequence[Sequence[Encoded]]) -> Iterator[list[tuple[int, Sequence[Encoded]]]]:
    """Yields the rows to read at a time: those of whole prompts of one length, or some rows of one prompt."""
    each, size = len(rows[0]), trainer.micro_batch
    at_a_time = size // each
    if at_a_time < 2:
        for number, own in enumerate(rows):
            for start in range(0, each, size):
                yield [(number, own[start : start + size])]
        return
    lengths = [optimizer.virtual_tokens for optimizer in trainer.prompts]
    for length in dict.fromkeys(lengths):
        alike = [number for number, other in enumerate(lengths) if other == length]
        for start in range(0, len(alike), at_a_time):
            yield [(number, rows[number]) for number in alike[start : start + at_a_time]]


def _reduced(trainer: PromptTrainer, losses: list[float]) -> list[float]:
    """Returns the mean losses of all processes; replaces the gradients by their means over the processes."""
    if process_state().num_processes == 1:
        return losses
    gradients = [
        parameter.grad
        for optimizer in trainer.prompts
        for parameter in optimizer.prompt.parameters()
        if parameter.grad is not None
    ]
    flat = torch.cat([gradient.flatten() for gradient in gradients] + [torch.tensor(losses, device=trainer.device)])
    means = reduce(flat, "mean")
    start = 0
    for gradient in gradients:
        gradient.copy_(means[start : start + gradient.numel()].view_as(gradient))
        start += gradient.numel()
    reduced: list[float] = means[start:].tolist()
    return reduced
