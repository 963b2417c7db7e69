"""Which rows make up which batch: a pure function of the seed, so that a resumed run sees what it would have seen."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import count

_CHUNK = 32
"""Batches whose rows are sorted by length together: enough to spare padding, few enough to stay random."""


def batches_of_epoch(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Row numbers of each batch of one epoch: shuffled, then grouped by similar length, then shuffled again.

    Rows that do not fill a last batch sit this epoch out, unless there is no full batch at all.
    """
    rng = random.Random(f"{seed}/{epoch}")
    rows = list(range(len(lengths)))
    rng.shuffle(rows)
    rows = rows[: len(rows) // batch_size * batch_size] or rows
    found: list[list[int]] = []
    for start in range(0, len(rows), batch_size * _CHUNK):
        chunk = sorted(rows[start : start + batch_size * _CHUNK], key=lengths.__getitem__)
        found += [chunk[i : i + batch_size] for i in range(0, len(chunk), batch_size)]
    rng.shuffle(found)
    return found


def batch_stream(lengths: Sequence[int], batch_size: int, seed: int, start: int) -> Iterator[list[int]]:
    """Endless batches of row numbers from the `start`-th on, epoch after epoch."""
    per_epoch = max(1, len(lengths) // batch_size)
    for epoch in count(start // per_epoch):
        first = start % per_epoch if epoch == start // per_epoch else 0
        yield from batches_of_epoch(lengths, batch_size, seed, epoch)[first:]


def batches_by_length(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """All rows, longest first, in batches: for scoring, where order does not matter and padding is waste."""
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
