"""One training step: the gradient of a batch, in parts as large as memory allows, and the optimizer's move."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from accelerate import Accelerator

from lamp.backbone.batch import Batch
from lamp.backbone.forward import target_log_likelihood
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.out_of_memory import is_out_of_memory
from lamp.config import TrainConfig
from lamp.data.encoding import Encoded
from lamp.errors import TrainingError
from lamp.training.step_graphs import CudaRecorder, Recorder, StepGraphs, bucketed


class LossDiverged(Exception):
    """The loss of a step is not a finite number. The factors were not changed, unless the step was a recorded one."""

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
    """Its parameters are trained. A call returns the virtual tokens (l', hidden), or None to train without a prompt."""
    module: Any
    """`prompt` as accelerate wrapped it: the same parameters, with gradients reduced over processes."""
    optimizer: Any
    """AdamW, wrapped by accelerate. A parameter group may have a "rate_scale", a factor on its learning rate."""
    collate: Callable[[Sequence[Encoded]], Batch]
    clip_norm: float
    micro_batch: int
    """Rows read at a time. Halved where memory is too small for them."""
    log_line: Callable[[str], None]
    graphs: StepGraphs | None = None
    """Replays steps on a CUDA device; None where all steps are eager."""

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

        collate: pads rows to a batch on the backbone's device; log_line: called with a sentence for the log, such as
        when memory runs out.
        """
        # float16 wants its gradients scaled; the factors themselves are float32 in every precision.
        accelerator = Accelerator(mixed_precision="fp16" if backbone.dtype == torch.float16 else "no")
        prompt.to(accelerator.device)
        recorded = _can_be_recorded(accelerator, settings)
        # A recorded optimizer keeps its state, the rate included, on the device.
        rate = torch.tensor(settings.learning_rate, device=accelerator.device) if recorded else settings.learning_rate
        optimizer = torch.optim.AdamW(prompt.parameters(), lr=rate, weight_decay=0.0, capturable=recorded)
        module, prepared = accelerator.prepare(prompt, optimizer)
        trainer = cls(
            accelerator, backbone, prompt, module, prepared, collate, settings.clip_norm, settings.batch_size, log_line
        )
        if recorded:
            trainer.record_with(CudaRecorder())
        return trainer

    def record_with(self, recorder: Recorder) -> None:
        """Lets steps be recorded and replayed from now on; batches are padded so that they have few shapes."""
        optimizer, collate = self.optimizer.optimizer, self.collate
        pad_left = not self.backbone.is_encoder_decoder

        def bucketed_while_recording(rows: Sequence[Encoded]) -> Batch:
            batch = collate(rows)
            return bucketed(batch, pad_left=pad_left) if self.graphs is not None and self.graphs.usable else batch

        self.collate = bucketed_while_recording

        def tensors() -> dict[str, torch.Tensor]:
            changed: dict[str, torch.Tensor] = dict(self.prompt.named_parameters())
            for index, state in enumerate(optimizer.state.values()):
                changed |= {f"{index}/{key}": value for key, value in state.items() if torch.is_tensor(value)}
            return changed

        # A causal model can read prompt and rows in two passes or in one: which is faster depends on the device.
        passes = (False,) if self.backbone.is_encoder_decoder else (False, True)
        ways = [partial(_whole_step, self, one_pass=one_pass) for one_pass in passes]
        self.graphs = StepGraphs(ways, tensors, recorder, self.log_line)


def train_step(trainer: PromptTrainer, rows: Sequence[Encoded], learning_rate: float) -> StepResult:
    """Moves the prompt's parameters once by the gradient of the mean loss of `rows`.

    Several processes each bring as many rows of their own, and all move alike. Raises LossDiverged, and TrainingError
    when memory is too small for a single row.
    """
    _set_rate(trainer.optimizer, learning_rate)
    if trainer.graphs is not None and trainer.graphs.usable and len(rows) <= trainer.micro_batch:
        measured = trainer.graphs.step(trainer.collate(rows))
        if measured is not None:
            loss, norm = torch.stack(measured).tolist()  # one wait for the device, not two
            if not math.isfinite(loss):
                raise LossDiverged(loss)
            return StepResult(loss, norm)
    loss = _gradient(trainer, rows)
    if not math.isfinite(loss):
        raise LossDiverged(loss)
    norm = trainer.accelerator.clip_grad_norm_(trainer.module.parameters(), trainer.clip_norm)
    trainer.optimizer.step()
    return StepResult(loss, float(norm or 0.0))


def _set_rate(optimizer: Any, learning_rate: float) -> None:
    """Sets the rate of every parameter group, in place where a recording reads it from the device."""
    for group in optimizer.param_groups:
        rate = learning_rate * group.get("rate_scale", 1.0)
        if torch.is_tensor(group["lr"]):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def _can_be_recorded(accelerator: Accelerator, settings: TrainConfig) -> bool:
    """Whether steps may be CUDA graphs: docs/method.md has the rule and its reasons."""
    return (
        accelerator.device.type == "cuda"
        and accelerator.num_processes == 1
        and accelerator.scaler is None
        and settings.accumulation == 1
        and settings.quantization == "none"
        and not settings.gradient_checkpointing
        and not settings.compile
    )


def _whole_step(trainer: PromptTrainer, batch: Batch, *, one_pass: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """One step on one device without any wait for it: loss before the step, and gradient norm before clipping."""
    trainer.prompt.zero_grad(set_to_none=True)
    loss = -target_log_likelihood(trainer.backbone, trainer.prompt(), batch, one_pass=one_pass).mean()
    loss.backward()  # type: ignore[no-untyped-call]  # torch's
    norm = torch.nn.utils.clip_grad_norm_(trainer.prompt.parameters(), trainer.clip_norm)
    trainer.optimizer.optimizer.step()
    return loss.detach(), norm


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
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
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
