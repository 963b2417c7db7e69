"""Curves of a run: smoothed, bounded, and their best point."""

from __future__ import annotations

from collections.abc import Sequence

from lamp.inference.scores import improves

Points = Sequence[tuple[int, float]]
"""(step, value) in rising steps."""


def smoothed(points: Points) -> list[tuple[int, float]]:
    """The points with their noise averaged out: an exponential mean over about a twentieth of them."""
    weight = 1 - 1 / max(3.0, len(points) / 20)
    total = norm = 0.0
    means = []
    for step, value in points:
        total, norm = weight * total + (1 - weight) * value, weight * norm + (1 - weight)
        means.append((step, total / norm))
    return means


def span(points: Points) -> tuple[float, float] | None:
    """Lower and upper end of an axis that holds most points; a few wild ones may leave it."""
    values = sorted(value for _, value in points)
    if not values:
        return None
    high = values[min(len(values) - 1, int(0.98 * len(values)))]
    low = min(0.0, values[0])
    return low, (high * 1.1 if high > low else low + 1.0)


def untrained_value(points: Points) -> float | None:
    """The untrained backbone's score: the one of step 0, None when it was not scored."""
    return next((value for step, value in points if step == 0), None)


def best_point(points: Points, metric: str) -> tuple[int, float] | None:
    """(step, value) of the best score after training began; of equal scores the first."""
    best = None
    for step, value in points:
        if step > 0 and (best is None or improves(metric, value, best[1])):
            best = step, value
    return best
