"""Rows read in batches, which go on in smaller parts where memory is short."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from lamp.data.batching import batches_by_length
from lamp.errors import OutOfMemory

OnProgress = Callable[[float], None]
"""Called before every batch with the share of the rows that is done, between 0 and 1; may raise to end the work."""


def run_batched(
    lengths: Sequence[int], batch_size: int, work: Callable[[Sequence[int]], None], on_progress: OnProgress
) -> None:
    """Does `work` on all rows, given by their lengths, a batch of row numbers at a time."""
    batches = batches_by_length(lengths, batch_size)
    for done, rows in enumerate(batches):
        on_progress(done / len(batches))
        run_split_on_oom(rows, work)


def run_split_on_oom(rows: Sequence[int], work: Callable[[Sequence[int]], None]) -> None:
    """Does `work` on all rows at once, or on halves of them, and halves of those, as far as memory is short.

    Raises OutOfMemory when not even one row fits.
    """
    try:
        return work(rows)
    except torch.OutOfMemoryError as error:
        if len(rows) == 1:
            raise OutOfMemory(
                "The memory is too short to read even one row with this backbone: lower the longest input, choose a "
                "smaller backbone, or store its weights in 8 or 4 bits."
            ) from error
    torch.cuda.empty_cache()
    middle = len(rows) // 2
    for half in (rows[:middle], rows[middle:]):
        run_split_on_oom(half, work)
