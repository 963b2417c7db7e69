"""How far a score that was measured on some rows may be from the score on all rows of their kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

_Z = 1.959964
"""Standard deviations to either side of the mean that hold 95 % of a normal distribution."""
_RESAMPLES = 2000
_MOST_RESAMPLED = 2000
"""Rows from which on a mean is as good as normally distributed, so that drawing them again tells nothing more."""
_SEED = 0
"""The same rows always give the same interval."""


@dataclass(frozen=True)
class Interval:
    """The values between which a mean score lies with a confidence of 95 %."""

    low: float
    high: float


def share_interval(right: int, rows: int) -> Interval:
    """The interval of a share of rows (Wilson 1927), which holds for few rows and for shares near 0 and 1 as well."""
    share, weight = right / rows, _Z**2 / rows
    middle = (share + weight / 2) / (1 + weight)
    half = _Z * sqrt(share * (1 - share) / rows + weight / (4 * rows)) / (1 + weight)
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def mean_interval(values: Sequence[float]) -> Interval:
    """The interval of a mean by the bootstrap (Efron 1979): the middle 95 % of the means of rows drawn with repeats."""
    rows = np.asarray(values)
    if len(rows) > _MOST_RESAMPLED:
        middle, half = float(rows.mean()), _Z * float(rows.std()) / sqrt(len(rows))
        return Interval(middle - half, middle + half)
    drawn = np.random.default_rng(_SEED).integers(0, len(rows), size=(_RESAMPLES, len(rows)))
    low, high = np.quantile(rows[drawn].mean(axis=1), (0.025, 0.975))
    return Interval(float(low), float(high))
