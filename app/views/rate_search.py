"""How the search for a run's learning rate went."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    loss: float
    """On the held-out rows, when it was last compared."""
    step: int
    """The step of that comparison."""
    goes_on: bool
    """Whether its prompt was trained further."""


def tried_rates(train: TrainConfig, metrics: Iterable[str], curve: Callable[[str], Points]) -> tuple[TriedRate, ...]:
    """The rates that have been compared, lowest first; empty before the first comparison, and without a search.

    metrics: the names of the run's metrics; curve: returns the points of one.
    """
    rates = [name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for name in metrics if name.endswith(_SUFFIX)]
    last = {rate: curve(f"{_PREFIX}{rate}{_SUFFIX}")[-1] for rate in rates}
    if not last:
        return ()
    latest = max(step for step, _ in last.values())
    compared = sorted((loss, rate) for rate, (step, loss) in last.items() if step == latest)
    keep = min((rung.keep for rung in plan_of(train)[1] if rung.step <= latest), default=len(compared))
    going_on = {rate for _, rate in compared[:keep]}
    return tuple(TriedRate(rate, last[rate][1], last[rate][0], rate in going_on) for rate in sorted(last, key=float))
