"""How the search for a run's learning rate went."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from app.views.curves import Points
from lamp.config import TrainConfig
from lamp.training.halving import plan_of

_PREFIX, _SUFFIX = "search/", "/validation/loss"
"""Names of the metrics are such as "search/0.04/validation/loss"."""


@dataclass(frozen=True)
class TriedRate:
    """One learning rate of the search."""

    rate: str
    losses: tuple[tuple[int, float], ...]
    """(step, loss on the held-out rows) of each comparison that it took part in."""
    goes_on: bool
    """Whether its prompt was trained further."""


def tried_rates(
    train: TrainConfig, metrics: Iterable[str], curves: Callable[[Collection[str]], Mapping[str, Points]]
) -> tuple[TriedRate, ...]:
    """The rates that have been compared, lowest first; empty before the first comparison, and without a search.

    metrics: the names of the run's metrics; curves: returns the points of several.
    """
    names = [name for name in metrics if name.startswith(_PREFIX) and name.endswith(_SUFFIX)]
    if not names:
        return ()
    losses = {name.removeprefix(_PREFIX).removesuffix(_SUFFIX): tuple(points) for name, points in curves(names).items()}
    latest = max(points[-1][0] for points in losses.values())
    compared = sorted((points[-1][1], rate) for rate, points in losses.items() if points[-1][0] == latest)
    keep = min((rung.keep for rung in plan_of(train)[1] if rung.step <= latest), default=len(compared))
    going_on = {rate for _, rate in compared[:keep]}
    return tuple(TriedRate(rate, losses[rate], rate in going_on) for rate in sorted(losses, key=float))
