"""Curves of a run: smoothing, limits of their axis, best point."""

from __future__ import annotations

from collections.abc import Sequence

from lamp.inference.scores import improves

Points = Sequence[tuple[int, float]]
"""(step, value) in rising steps."""
_FAR = 3
"""Factor on the usual height beyond which a value may be left outside the axis."""


def smoothed(points: Points) -> list[tuple[int, float]]:
    """Returns the points smoothed: at each of them a straight line through the nearest tenth of them.

    A line, not a mean: a mean lags behind a loss that falls, most of all at the ends of the curve.
    """
    width = min(len(points), max(5, len(points) // 10))
    if width < 3:
        return list(points)
    low, high = min(value for _, value in points), max(value for _, value in points)
    middle = (width - 1) / 2
    square = sum((place - middle) ** 2 for place in range(width))
    total = sum(value for _, value in points[:width])
    moment = sum(place * value for place, (_, value) in enumerate(points[:width]))
    start, lines = 0, []
    for number, (step, _) in enumerate(points):
        if start < min(number - width // 2, len(points) - width):  # the window moves on by one point
            leaving, entering = points[start][1], points[start + width][1]
            moment += leaving - total + (width - 1) * entering
            total += entering - leaving
            start += 1
        slope = (moment - middle * total) / square
        fit = total / width + slope * (number - start - middle)
        lines.append((step, min(max(fit, low), high)))
    return lines


def thinned(points: Points, most: int) -> list[tuple[int, float]]:
    """Returns at most `most` (4 or more) of the points: the first, the last, and the extremes between them.

    The points between are cut into equal spans, and each gives its lowest and its highest, so that no peak is lost.
    """
    if len(points) <= most:
        return list(points)
    between, spans = points[1:-1], (most - 2) // 2
    kept = [points[0]]
    for number in range(spans):
        part = between[number * len(between) // spans : (number + 1) * len(between) // spans]
        kept += sorted({min(part, key=_value), max(part, key=_value)})
    return [*kept, points[-1]]


def _value(point: tuple[int, float]) -> float:
    return point[1]


def span(points: Points) -> tuple[float, float] | None:
    """Returns limits (low, high) of an axis for the values; None without points.

    The first values are always inside; of the others the highest 2 % may be outside, if they are far from the rest.
    """
    values = sorted(value for _, value in points)
    if not values:
        return None
    usual = values[min(len(values) - 1, int(0.98 * len(values)))]
    high = max(usual, *(value for _, value in points[:3]))
    if values[-1] <= _FAR * high:
        high = values[-1]
    low = min(0.0, values[0])
    return low, (high * 1.1 if high > low else low + 1.0)


def held(points: Points, last: int) -> list[tuple[int, float]]:
    """Returns the points, and the last value again at step `last`: a value that was not reported again is still the
    same."""
    return [*points, (last, points[-1][1])] if points and points[-1][0] < last else list(points)


def untrained_value(points: Points) -> float | None:
    """Returns the untrained backbone's score, at step 0; None if it was not scored."""
    return next((value for step, value in points if step == 0), None)


def best_point(points: Points, metric: str) -> tuple[int, float] | None:
    """Returns (step, value) of the best score after training began; the first one if several are equal."""
    best = None
    for step, value in points:
        if step > 0 and (best is None or improves(metric, value, best[1])):
            best = step, value
    return best
