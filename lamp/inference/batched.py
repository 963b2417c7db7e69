"""Processes rows in batches, and in smaller parts when memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from lamp.backbone.out_of_memory import is_out_of_memory
from lamp.data.batching import batches_by_length
from lamp.errors import OutOfMemory

OnProgress = Callable[[float], None]
"""Called before every batch with the share of the batches that is done (0 to 1); may raise to stop the work."""


def rows_at_a_time(device: torch.device, on_cpu: int) -> int:
    """Returns the batch size for scoring: `on_cpu` rows on a CPU, eight times as many elsewhere.

    On a GPU, a pass over few rows takes nearly as long as one over many (benchmarks/scoring.py).
    """
    return on_cpu if device.type == "cpu" else 8 * on_cpu


def run_batched(
    lengths: Sequence[int], batch_size: int, work: Callable[[Sequence[int]], None], on_progress: OnProgress
) -> None:
    """Calls `work` with the row indices of each batch, longest rows first.

    lengths: tokens of each row. Raises OutOfMemory when not even one row fits.
    """
    batches = batches_by_length(lengths, batch_size)
    for done, indices in enumerate(batches):
        on_progress(done / len(batches))
        run_split_on_oom(indices, work)


def run_split_on_oom(indices: Sequence[int], work: Callable[[Sequence[int]], None]) -> None:
    """Calls `work` with all row indices; when memory runs out, with each half of them, and so on.

    Raises OutOfMemory when not even one row fits.
    """
    try:
        return work(indices)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        if len(indices) == 1:
            raise OutOfMemory(
                "The memory is too short to read even one row with this backbone: lower the longest input, choose a "
                "smaller backbone, or store its weights in 8 or 4 bits."
            ) from error
    torch.cuda.empty_cache()
    middle = len(indices) // 2
    for half in (indices[:middle], indices[middle:]):
        run_split_on_oom(half, work)
