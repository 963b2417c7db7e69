"""The uncertainty of a score that was measured on a sample of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

_Z = 1.959964
"""Standard deviations on either side of the mean that contain 95 % of a normal distribution."""
_RESAMPLES = 2000
_MOST_RESAMPLED = 2000
"""Number of rows above which a mean is nearly normally distributed, so that resampling adds nothing."""
_SEED = 0
"""Fixed, so that the same rows always give the same interval."""


@dataclass(frozen=True)
class Interval:
    """The 95 % confidence interval of a mean score."""

    low: float
    high: float


def share_interval(right: int, rows: int) -> Interval:
    """Returns the interval of a share of rows (Wilson 1927); it holds for few rows and for shares near 0 and 1 too."""
    share, weight = right / rows, _Z**2 / rows
    middle = (share + weight / 2) / (1 + weight)
    half = _Z * sqrt(share * (1 - share) / rows + weight / (4 * rows)) / (1 + weight)
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def mean_interval(values: Sequence[float]) -> Interval:
    """Returns the bootstrap interval of a mean (Efron 1979): the middle 95 % of the means of resampled rows."""
    rows = np.asarray(values)
    if len(rows) > _MOST_RESAMPLED:
        middle, half = float(rows.mean()), _Z * float(rows.std()) / sqrt(len(rows))
        return Interval(middle - half, middle + half)
    drawn = np.random.default_rng(_SEED).integers(0, len(rows), size=(_RESAMPLES, len(rows)))
    low, high = np.quantile(rows[drawn].mean(axis=1), (0.025, 0.975))
    return Interval(float(low), float(high))
