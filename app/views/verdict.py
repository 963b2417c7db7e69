"""The verdict on a run that has ended: how good its prompt is, how certain that is, and what to try next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.views import curves, score_text
from app.views.curves import Points
from app.views.results import Results
from app.views.score_text import RunScores
from lamp.inference.scores import improves

_ALREADY_RIGHT = 0.99
"""Share of right answers above which the untrained model leaves nothing to learn."""
_NOTICEABLE = 0.05
"""Relative change of the smoothed loss that counts as rising or falling."""
_STILL_IMPROVING = 0.02
"""Relative improvement of the validation score at the last evaluation that counts as still improving."""
_ENOUGH_SCORES = 3
"""Validation scores, including the untrained model's, that are needed to tell whether a run still improved."""
_MASTERED = 0.95
"""Share of right answers that leaves little to improve, if the low end of its interval reaches it."""
_UNSURE = 0.15
"""Width of the interval above which the tested rows are too few to compare runs."""


@dataclass(frozen=True)
class Verdict:
    """The verdict on a run: a heading and the sentences below it."""

    heading: str
    text: str
    tone: Literal["good", "warn"]


@dataclass(frozen=True)
class Evidence:
    """What a verdict is based on."""

    scores: RunScores
    results: Results | None
    """None after a run of an early version, and if the final scores were not finished."""
    loss: Points
    """(step, training loss)"""
    validation: Points
    """(step, value) of the main metric on the validation rows"""
    metric: str
    rate_is_found: bool
    """Whether the learning rate was found by trying several."""


def verdict(evidence: Evidence) -> Verdict | None:
    """Returns the verdict on an ended run; None if its scores do not tell anything."""
    results = evidence.results
    if results is None:
        return _of_scores(evidence)
    return Verdict(_heading(results, evidence.scores.tested), *_judgement(evidence, results))


def _heading(results: Results, tested: bool) -> str:
    """Returns the score with its interval and the untrained model's."""
    interval, number = results.interval, len(results.answers)
    rows = f"{number:,} rows that {'it never saw' if tested else 'it was chosen by'}"
    if tested:
        rows += f" ({100 * interval.low:.0f} to {100 * interval.high:.0f} %)"
    if results.are_labels:
        return f"Right on {results.right:,} of {rows}; the untrained model on {results.untrained_right:,}."
    return f"ROUGE-L {100 * results.mean:.0f} % on {rows}; the untrained model {100 * results.untrained_mean:.0f} %."


def _judgement(evidence: Evidence, results: Results) -> tuple[str, Literal["good", "warn"]]:
    """Returns whether the prompt is of use, and what to try next."""
    gain, (commonest, times) = results.gain, results.commonest
    if results.untrained_mean >= _ALREADY_RIGHT:
        return _ALREADY, "warn"
    if gain.high < 0:
        return f"The prompt makes the model worse. {_advice(evidence)}", "warn"
    if gain.low <= 0:
        more = "The difference is no more than chance could make of so few rows: bring more rows to test on. "
        same = "The prompt changes nothing for the better. "
        return (same if gain.low == gain.high == 0 else more) + _advice(evidence), "warn"
    if results.are_labels and results.right <= times:
        always = f"Always answering {commonest!r} would be right on {times:,} of them"
        return f"{always}, so it is of no use yet: bring more rows of the other labels, or train longer.", "warn"
    return f"The prompt clearly helps. {_next_step(evidence, results)}", "good"


def _next_step(evidence: Evidence, results: Results) -> str:
    """Returns what to try next with a prompt that helps."""
    interval = results.interval
    if interval.low >= _MASTERED:
        return "There is little left to improve: try it on inputs of your own, then take it home."
    if _still_improves(evidence):
        return "It was still improving at the end: train it for more steps."
    best = curves.best_point(evidence.validation, evidence.metric)
    settled = ""
    if best and len(evidence.validation) >= _ENOUGH_SCORES and best[0] < evidence.validation[-1][0]:
        settled = f"It has not improved since step {best[0]:,}, so more steps are of no use. "
    if evidence.scores.tested and interval.high - interval.low > _UNSURE:
        return f"{settled}The range is wide because few rows were tested: more rows would tell more, and teach more."
    further = "To get further, look at the wrong rows below: more examples like them help most, then a larger model."
    return settled + further


def _still_improves(evidence: Evidence) -> bool:
    """Returns whether the last evaluation is the best one, and noticeably better than the one before it."""
    if len(evidence.validation) < _ENOUGH_SCORES:
        return False
    (_, before), (last_step, last) = evidence.validation[-2:]
    best = curves.best_point(evidence.validation, evidence.metric)
    noticeable = abs(last - before) > _STILL_IMPROVING * abs(before)
    return best is not None and best[0] == last_step and noticeable and improves(evidence.metric, last, before)


def _of_scores(evidence: Evidence) -> Verdict | None:
    """Returns the verdict on a run with scores only: that it gained nothing, if so."""
    scores, metric = evidence.scores, score_text.main_metric(evidence.scores.tuned)
    if metric is None or not score_text.gained_nothing(scores):
        return None
    tuned, untrained = scores.tuned[metric], scores.untrained[metric]
    score = score_text.compare_score(metric, tuned, untrained)
    heading = "No better than the untrained model." if tuned == untrained else "Worse than the untrained model."
    measured = f"{score.label} on the held-out rows is {score.tuned}, and without the prompt {score.untrained}."
    already_right = score_text.is_share(metric) and untrained >= _ALREADY_RIGHT
    return Verdict(heading, f"{measured} {_ALREADY if already_right else _advice(evidence)}", "warn")


_ALREADY = "The untrained model already masters these rows: there is next to nothing left to learn from them."


def _advice(evidence: Evidence) -> str:
    """Returns what to try next with a prompt that gained nothing, judging by the training loss."""
    values = [value for _, value in curves.smoothed(evidence.loss)]
    if len(values) < 2:
        return "Train it for more steps."
    first, late, last = values[0], values[3 * len(values) // 4], values[-1]
    if last > (1 + _NOTICEABLE) * first:
        return "The training loss rose: try a lower learning rate."
    if last > (1 - _NOTICEABLE) * first:
        instead = "a larger model" if evidence.rate_is_found else "a higher learning rate"
        return f"The training loss hardly fell: try more steps, or {instead}."
    if last < (1 - _NOTICEABLE) * late:
        return "The training loss was still falling at the end: try more steps."
    return (
        "The training loss fell, so it learned its rows, but nothing that holds for others: try more rows, "
        "or a lower rank."
    )
