"""Chooses the rows of each batch from the seed alone, so that a resumed run gets the same batches."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import count

_CHUNK = 32
"""Number of batches whose rows are sorted by length together: enough to avoid padding, few enough to stay random."""


def batches_of_epoch(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Returns the row indices of each batch of an epoch: shuffled, grouped by length, and the batches shuffled again.

    lengths: tokens of each row. Rows that do not fill a last batch are left out of this epoch, unless there is no full
    batch at all.
    """
    rng = random.Random(f"{seed}/{epoch}")
    rows = list(range(len(lengths)))
    rng.shuffle(rows)
    rows = rows[: len(rows) // batch_size * batch_size] or rows
    batches: list[list[int]] = []
    for start in range(0, len(rows), batch_size * _CHUNK):
        chunk = sorted(rows[start : start + batch_size * _CHUNK], key=lengths.__getitem__)
        batches += [chunk[i : i + batch_size] for i in range(0, len(chunk), batch_size)]
    rng.shuffle(batches)
    return batches


def batch_stream(lengths: Sequence[int], batch_size: int, seed: int, start: int) -> Iterator[list[int]]:
    """Yields batches of row indices for ever, epoch after epoch, from batch `start` (counted from 0) on."""
    per_epoch = max(1, len(lengths) // batch_size)
    for epoch in count(start // per_epoch):
        first = start % per_epoch if epoch == start // per_epoch else 0
        yield from batches_of_epoch(lengths, batch_size, seed, epoch)[first:]


def batches_by_length(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Returns all row indices in batches, longest rows first: for scoring, where the order only affects padding."""
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
