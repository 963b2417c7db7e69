"""PromptTrainer: the backbone, the prompts with their optimizers, and the recorded steps, as a training step needs
them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from accelerate.utils import broadcast
from torch import Tensor, nn

from lamp.backbone.batch import Batch
from lamp.backbone.cuda_graphs import CudaRecorder
from lamp.backbone.devices import process_state
from lamp.backbone.forward import target_log_likelihood
from lamp.backbone.frozen import FrozenBackbone
from lamp.config import TrainConfig
from lamp.data.encoding import Encoded
from lamp.training.buckets import Room, bucketed
from lamp.training.prompt_optimizer import PromptOptimizer
from lamp.training.step_graphs import Measured, StepGraphs, StepRecorder

_ROWS_AT_A_TIME = 32
"""Rows that a CPU reads at a time when several prompts bring small batches; more would not be faster."""


@dataclass
class PromptTrainer:
    """The backbone, the prompts with their optimizers, and the recorded steps; made by `create`."""

    backbone: FrozenBackbone
    prompts: list[PromptOptimizer]
    """The prompts that are trained side by side; one in an ordinary run."""
    collate: Callable[[Sequence[Encoded]], Batch]
    clip_norm: float
    micro_batch: int
    """Rows of all prompts that are read at a time. Halved when memory is too small for them."""
    log_line: Callable[[str], None]
    graphs: StepGraphs | None = None
    """Replays steps on a CUDA device; None if all steps are eager."""

    @classmethod
    def create(
        cls,
        backbone: FrozenBackbone,
        prompts: Sequence[nn.Module],
        collate: Callable[[Sequence[Encoded]], Batch],
        settings: TrainConfig,
        log_line: Callable[[str], None] = lambda _: None,
    ) -> PromptTrainer:
        """Moves the prompts to this process's device and creates an optimizer for each.

        collate: pads rows to a batch on the backbone's device; log_line: called with a sentence for the log, such as
        when memory runs out.
        """
        device = process_state().device
        # float16 needs scaled gradients; the factors themselves are float32 in every precision.
        scaled = backbone.dtype == torch.float16
        recorded = not backbone.is_quantized and _can_be_recorded(device, settings, scaled)
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
        """The device that this process computes on."""
        return self.backbone.device

    def keep(self, numbers: Sequence[int], batch_size: int) -> None:
        """Keeps only the prompts with these numbers. batch_size: rows of one prompt in a step."""
        self.prompts = [self.prompts[number] for number in numbers]
        self.micro_batch = min(self.micro_batch, max(batch_size * len(numbers), 1))
        if self.graphs is not None:
            self.graphs.reset()

    def room(self) -> Room:
        """The columns that remain for a batch behind the longest of the prompts."""
        return Room.behind(max(optimizer.virtual_tokens for optimizer in self.prompts), self.backbone)

    def record_with(self, recorder: StepRecorder) -> None:
        """Records and replays steps from now on; batches are padded to few shapes."""
        collate = self.collate
        pad_left = not self.backbone.is_encoder_decoder

        def bucketed_while_recording(rows: Sequence[Encoded]) -> Batch:
            batch = collate(rows)
            if self.graphs is None or not self.graphs.usable:
                return batch
            # Several prompts are together for a few steps only: fewer, larger shapes.
            return bucketed(batch, pad_left=pad_left, coarse=len(self.prompts) > 1, room=self.room())

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


def _can_be_recorded(device: torch.device, settings: TrainConfig, scaled: bool) -> bool:
    """Returns whether steps may be CUDA graphs: docs/method.md has the rule and its reasons."""
    return (
        device.type == "cuda"
        and process_state().num_processes == 1
        and not scaled
        and settings.accumulation == 1
        and not settings.gradient_checkpointing
        and not settings.compile
    )


def _whole_step(trainer: PromptTrainer, batch: Batch, *, one_pass: bool) -> Measured:
    """Takes one step on one device without waiting for it.

    Returns the losses before the update, and the gradient norms before clipping.
    """
    for optimizer in trainer.prompts:
        optimizer.zero_grad()
    losses = prompt_losses(trainer, range(len(trainer.prompts)), batch, one_pass=one_pass)
    losses.sum().backward()  # type: ignore[no-untyped-call]  # torch's
    norms = [optimizer.step(trainer.clip_norm) for optimizer in trainer.prompts]
    return losses.detach(), torch.stack(norms)


def prompt_losses(trainer: PromptTrainer, numbers: Sequence[int], batch: Batch, *, one_pass: bool = False) -> Tensor:
    """Mean loss of each prompt's rows, which are adjacent in the batch: (prompts,).

    numbers: of the prompts, which have equally many rows each, and equally many virtual tokens.
    """
    virtual = [trainer.prompts[number].prompt() for number in numbers]
    stacked = virtual[0] if len(virtual) == 1 else torch.stack(virtual)
    likelihood = target_log_likelihood(trainer.backbone, stacked, batch, one_pass=one_pass)
    return -likelihood.view(len(numbers), -1).mean(dim=1)
