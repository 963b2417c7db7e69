"""One training step: the gradients of a batch, in parts as large as memory allows, and the optimizers' moves.

Several prompts can take the step together, each on rows of its own: a frozen backbone reads the rows of all of them in
one batch, each row behind its own prompt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from accelerate.utils import broadcast, reduce
from torch import Tensor, nn

from lamp.backbone.batch import Batch
from lamp.backbone.devices import process_state
from lamp.backbone.forward import target_log_likelihood
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.out_of_memory import is_out_of_memory
from lamp.config import TrainConfig
from lamp.data.encoding import Encoded
from lamp.errors import TrainingError
from lamp.training.prompt_optimizer import PromptOptimizer
from lamp.training.step_graphs import CudaRecorder, Measured, Recorder, StepGraphs, bucketed

_ROWS_AT_A_TIME = 32
"""Rows that a CPU reads at a time where several prompts bring small batches; more are not faster."""


class LossDiverged(Exception):
    """The loss of a step is not a finite number. The factors were not changed, unless the step was a recorded one."""

    def __init__(self, loss: float) -> None:
        self.loss = loss
        super().__init__(f"The loss became {loss}.")


@dataclass(frozen=True)
class StepResult:
    """What one step of one prompt measured."""

    loss: float
    """Mean over the rows of all processes, before the step."""
    gradient_norm: float
    """Before clipping."""

    @property
    def diverged(self) -> bool:
        """Whether the loss is not a finite number."""
        return not math.isfinite(self.loss)


@dataclass
class PromptTrainer:
    """What a training step works with; `create` puts it together."""

    backbone: FrozenBackbone
    prompts: list[PromptOptimizer]
    """Those that are trained side by side; one in an ordinary run."""
    collate: Callable[[Sequence[Encoded]], Batch]
    clip_norm: float
    micro_batch: int
    """Rows read at a time, of all prompts. Halved where memory is too small for them."""
    log_line: Callable[[str], None]
    graphs: StepGraphs | None = None
    """Replays steps on a CUDA device; None where all steps are eager."""

    @classmethod
    def create(
        cls,
        backbone: FrozenBackbone,
        prompts: Sequence[nn.Module],
        collate: Callable[[Sequence[Encoded]], Batch],
        settings: TrainConfig,
        log_line: Callable[[str], None] = lambda _: None,
    ) -> PromptTrainer:
        """Moves the prompts to this process's device and gives each an optimizer.

        collate: pads rows to a batch on the backbone's device; log_line: called with a sentence for the log, such as
        when memory runs out.
        """
        device = process_state().device
        # float16 wants its gradients scaled; the factors themselves are float32 in every precision.
        scaled = backbone.dtype == torch.float16
        recorded = _can_be_recorded(device, settings, scaled)
        optimizers = [PromptOptimizer(prompt, device, capturable=recorded, scaled=scaled) for prompt in prompts]
        if process_state().num_processes > 1:  # machines may round an SVD differently
            for optimizer in optimizers:
                for parameter in optimizer.prompt.parameters():
                    parameter.data.copy_(broadcast(parameter.data))
        # A GPU reads many rows in nearly the time of few; a CPU gains nothing from more than a few dozen.
        rows = settings.batch_size * len(prompts)
        at_a_time = rows if device.type == "cuda" else min(rows, max(settings.batch_size, _ROWS_AT_A_TIME))
        trainer = cls(backbone, optimizers, collate, settings.clip_norm, at_a_time, log_line)
        if recorded:
            trainer.record_with(CudaRecorder())
        return trainer

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return self.backbone.device

    def keep(self, numbers: Sequence[int], batch_size: int) -> None:
        """Goes on with the prompts of these numbers only. batch_size: rows of one prompt in a step."""
        self.prompts = [self.prompts[number] for number in numbers]
        self.micro_batch = min(self.micro_batch, max(batch_size * len(numbers), 1))
        if self.graphs is not None:
            self.graphs.reset()

    def record_with(self, recorder: Recorder) -> None:
        """Lets steps be recorded and replayed from now on; batches are padded so that they have few shapes."""
        collate = self.collate
        pad_left = not self.backbone.is_encoder_decoder

        def bucketed_while_recording(rows: Sequence[Encoded]) -> Batch:
            batch = collate(rows)
            if self.graphs is None or not self.graphs.usable:
                return batch
            # Several prompts are together for a few steps only: fewer, larger shapes.
            return bucketed(batch, pad_left=pad_left, coarse=len(self.prompts) > 1)

        self.collate = bucketed_while_recording

        def tensors() -> dict[str, Tensor]:
            return {
                f"{number}/{name}": tensor
                for number, optimizer in enumerate(self.prompts)
                for name, tensor in optimizer.changed_tensors().items()
            }

        # A causal model can read prompt and rows in two passes or in one: which is faster depends on the device.
        two_ways = not self.backbone.is_encoder_decoder and self.backbone.shares_prompts()
        passes = (False, True) if two_ways else (False,)
        ways = [partial(_whole_step, self, one_pass=one_pass) for one_pass in passes]
        self.graphs = StepGraphs(ways, tensors, recorder, self.log_line)


def train_step(trainer: PromptTrainer, rows: Sequence[Encoded], learning_rate: float) -> StepResult:
    """Moves the trainer's only prompt once by the gradient of the mean loss of `rows`.

    Several processes each bring as many rows of their own, and all move alike. Raises LossDiverged, and TrainingError
    when memory is too small for a single row.
    """
    (measured,) = train_together(trainer, [rows], [learning_rate])
    if measured.diverged:
        raise LossDiverged(measured.loss)
    return measured


def train_together(
    trainer: PromptTrainer, rows: Sequence[Sequence[Encoded]], learning_rates: Sequence[float]
) -> list[StepResult]:
    """Moves every prompt once by the gradient of the mean loss of its own rows, each at its own learning rate.

    rows: as many for each prompt. A prompt whose loss is not a finite number stays where it is, unless the step was a
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


def _can_be_recorded(device: torch.device, settings: TrainConfig, scaled: bool) -> bool:
    """Whether steps may be CUDA graphs: docs/method.md has the rule and its reasons."""
    return (
        device.type == "cuda"
        and process_state().num_processes == 1
        and not scaled
        and settings.accumulation == 1
        and settings.quantization == "none"
        and not settings.gradient_checkpointing
        and not settings.compile
    )


def _replayed(trainer: PromptTrainer, rows: Sequence[Sequence[Encoded]]) -> Measured | None:
    """A step taken by a recording; None when it is to be taken eagerly."""
    if trainer.graphs is None or not trainer.graphs.usable:
        return None
    together = [row for own in rows for row in own]
    one_length = len({optimizer.virtual_tokens for optimizer in trainer.prompts}) == 1
    if not one_length or len(together) > trainer.micro_batch:
        return None
    return trainer.graphs.step(trainer.collate(together))


def _whole_step(trainer: PromptTrainer, batch: Batch, *, one_pass: bool) -> Measured:
    """One step on one device without any wait for it: losses before the step, and gradient norms before clipping."""
    for optimizer in trainer.prompts:
        optimizer.zero_grad()
    losses = _losses(trainer, range(len(trainer.prompts)), batch, one_pass=one_pass)
    losses.sum().backward()  # type: ignore[no-untyped-call]  # torch's
    norms = [optimizer.step(trainer.clip_norm) for optimizer in trainer.prompts]
    return losses.detach(), torch.stack(norms)


def _losses(trainer: PromptTrainer, numbers: Sequence[int], batch: Batch, *, one_pass: bool = False) -> Tensor:
    """Mean loss of each prompt's rows, which are next to each other in the batch: (prompts,).

    numbers: of the prompts, which have as many rows each and one number of virtual tokens.
    """
    virtual = [trainer.prompts[number].prompt() for number in numbers]
    stacked = virtual[0] if len(virtual) == 1 else torch.stack(virtual)
    likelihood = target_log_likelihood(trainer.backbone, stacked, batch, one_pass=one_pass)
    return -likelihood.view(len(numbers), -1).mean(dim=1)


def _gradients(trainer: PromptTrainer, rows: Sequence[Sequence[Encoded]]) -> list[float]:
    """Mean loss of each prompt's rows; its gradient is left in the prompt's parameters."""
    while True:
        for optimizer in trainer.prompts:
            optimizer.zero_grad()
        try:
            losses = [0.0] * len(rows)
            for part in _parts(trainer, rows):
                numbers = [number for number, _ in part]
                batch = trainer.collate([row for _, own in part for row in own])
                shares = [len(own) / len(rows[number]) for number, own in part]
                means = _losses(trainer, numbers, batch)
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
    """What is read at a time: whole prompts with one number of virtual tokens, or some rows of one prompt."""
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
    """The mean losses of all processes; gradients are replaced by their means."""
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
