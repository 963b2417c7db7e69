"""The gradient of one batch, in micro-batches as large as memory allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from accelerate import Accelerator

from lamp.backbone.forward import target_log_likelihood
from lamp.backbone.frozen import FrozenBackbone
from lamp.data.encoding import Encoded, Encoder
from lamp.errors import TrainingError


def batch_gradient(
    accelerator: Accelerator,
    backbone: FrozenBackbone,
    module: Any,
    encoder: Encoder,
    rows: Sequence[Encoded],
    micro_batch: int,
    note: Callable[[str], None],
) -> tuple[float, int]:
    """Mean loss of the rows, its gradient left in the factors, and how many rows at a time fitted in memory.

    module: what composes the prompt; micro_batch: rows at a time to begin with. Raises TrainingError when not even one
    row fits.
    """
    while True:
        module.zero_grad(set_to_none=True)
        try:
            total = 0.0
            for part, is_last in _parts(rows, micro_batch):
                with nullcontext() if is_last else accelerator.no_sync(module):
                    batch = encoder.batch(part, backbone.device)
                    loss = -target_log_likelihood(backbone, module(), batch).sum() / len(rows)
                    accelerator.backward(loss)
                total += loss.item()
            mean = accelerator.reduce(torch.tensor(total, device=accelerator.device), "mean")
            return float(mean.item()), micro_batch
        except torch.OutOfMemoryError as error:
            longest = max(row.length for row in rows)
            if micro_batch == 1:
                raise TrainingError(
                    f"A single row of {longest} tokens does not fit in the memory of {accelerator.device}: "
                    "lower the longest input, or take a smaller backbone."
                ) from error
        torch.cuda.empty_cache()
        micro_batch = max(1, micro_batch // 2)
        note(f"Out of memory: going on with {micro_batch} rows at a time, the same batch in all.")


def _parts(rows: Sequence[Encoded], size: int) -> Iterator[tuple[Sequence[Encoded], bool]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size], start + size >= len(rows)
