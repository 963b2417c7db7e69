"""The course of a run's search for the learning rate, from its recorded metrics."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.views.curves import Points

_PREFIX, _LOSS, _GOES_ON, _DIVERGED = "search/", "/validation/loss", "/goes_on", "/diverged"
"""Parts of the names of its metrics, such as "search/0.04/validation/loss"."""


@dataclass(frozen=True)
class TriedRate:
    """One learning rate of the search."""

    rate: str
    losses: tuple[tuple[int, float], ...]
    """(step, loss on the held-out rows) at each comparison that it took part in."""
    goes_on: bool
    """Whether its prompt was trained further."""
    diverged_at: int | None = None
    """The step at which its loss was not finite."""


def tried_rates(
    metrics: Iterable[str], curves: Callable[[Collection[str]], Mapping[str, Points]]
) -> tuple[TriedRate, ...]:
    """Returns the rates that were tried, lowest first.

    Empty without a search, and before the first rate was compared or diverged. metrics: the names of the run's metrics;
    curves: returns the points of several.
    """
    names = [name for name in metrics if name.startswith(_PREFIX)]
    points = curves([name for name in names if name.endswith((_LOSS, _GOES_ON, _DIVERGED))]) if names else {}
    if not points:
        return ()
    rates = sorted({name.split("/")[1] for name in names}, key=float)
    losses = {rate: tuple(points.get(f"{_PREFIX}{rate}{_LOSS}", ())) for rate in rates}
    decided = {rate: points.get(f"{_PREFIX}{rate}{_GOES_ON}") for rate in rates}
    kept = _kept_of(losses, halved=not any(decided.values()))
    tried = []
    for rate in rates:
        diverged, decision = points.get(f"{_PREFIX}{rate}{_DIVERGED}"), decided[rate]
        goes_on = decision[-1][1] > 0 if decision else rate in kept
        tried.append(
            TriedRate(rate, losses[rate], goes_on and not diverged, diverged[-1][0] if diverged else None),
        )
    return tuple(tried)


def competing(tried: Sequence[TriedRate]) -> int | None:
    """Returns how many prompts are still trained; None as long as that follows from the recipe."""
    return sum(one.goes_on for one in tried) if tried else None


def _kept_of(losses: Mapping[str, Points], *, halved: bool) -> Collection[str]:
    """Returns the rates of the last comparison, or the better half of them; all rates before the first comparison.

    halved: for a run of an earlier version, which did not record the rates that go on.
    """
    latest = max((points[-1][0] for points in losses.values() if points), default=None)
    if latest is None:
        return losses.keys()
    compared = sorted((points[-1][1], rate) for rate, points in losses.items() if points and points[-1][0] == latest)
    return {rate for _, rate in (compared[: -(-len(compared) // 2)] if halved else compared)}
