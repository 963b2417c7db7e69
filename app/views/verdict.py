"""What is said of a run that ended no better than the untrained model, and what to try next."""

from __future__ import annotations

from dataclasses import dataclass

from app.views import curves, score_text
from app.views.curves import Points
from app.views.score_text import RunScores

_ALREADY_RIGHT = 0.99
"""A share from which the untrained model leaves nothing to learn."""
_NOTICEABLE = 0.05
"""Change of the smoothed loss, as a share of it, that counts as rising or falling."""


@dataclass(frozen=True)
class Verdict:
    """A judgement of a run, as a heading and the sentences below it."""

    heading: str
    text: str


def verdict(scores: RunScores, loss: Points) -> Verdict | None:
    """The judgement of a run that gained nothing; None for one that did, or whose scores cannot tell.

    loss: (step, training loss).
    """
    metric = score_text.main_metric(scores.tuned)
    if metric is None or not score_text.gained_nothing(scores):
        return None
    tuned, untrained = scores.tuned[metric], scores.untrained[metric]
    score = score_text.compare_score(metric, tuned, untrained)
    heading = "No better than the untrained model." if tuned == untrained else "Worse than the untrained model."
    measured = f"{score.label} on the held-out rows is {score.tuned}, and without the prompt {score.untrained}."
    already_right = score_text.is_share(metric) and untrained >= _ALREADY_RIGHT
    return Verdict(heading, f"{measured} {_ALREADY if already_right else _advice(loss)}")


_ALREADY = "The untrained model already masters these rows: there is next to nothing left to learn from them."


def _advice(loss: Points) -> str:
    """What to try next, by how the training loss went."""
    values = [value for _, value in curves.smoothed(loss)]
    if len(values) < 2:
        return "Train it for more steps."
    first, late, last = values[0], values[3 * len(values) // 4], values[-1]
    if last > (1 + _NOTICEABLE) * first:
        return "The training loss rose: try a lower learning rate."
    if last > (1 - _NOTICEABLE) * first:
        return "The training loss hardly fell: try a higher learning rate, or more steps."
    if last < (1 - _NOTICEABLE) * late:
        return "The training loss was still falling at the end: try more steps."
    return (
        "The training loss fell, so it learned its rows, but nothing that holds for others: try more rows, "
        "or a lower rank."
    )
