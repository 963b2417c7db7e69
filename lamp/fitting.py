"""Work on rows that goes on in smaller parts where memory is short."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from lamp.errors import MemoryTooShort


def in_fitting_parts(rows: Sequence[int], work: Callable[[Sequence[int]], None]) -> None:
    """Does `work` on all rows at once, or on halves of them, and halves of those, as far as memory is short.

    Raises MemoryTooShort when not even one row fits.
    """
    try:
        return work(rows)
    except torch.OutOfMemoryError as error:
        if len(rows) == 1:
            raise MemoryTooShort(
                "The memory is too short to read even one row with this backbone: lower the longest input, choose a "
                "smaller backbone, or store its weights in 8 or 4 bits."
            ) from error
    torch.cuda.empty_cache()
    middle = len(rows) // 2
    for half in (rows[:middle], rows[middle:]):
        in_fitting_parts(half, work)
