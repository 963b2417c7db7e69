"""Runs side by side: their curves, scores and settings, and whether a difference means anything."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import timedelta

from app.run import Run
from app.views import score_text
from app.views.curves import Points
from app.views.recipe_settings import named_settings
from app.views.results import Results
from app.views.score_text import RunScores
from app.views.uncertainty import Interval, mean_interval

MOST_RUNS = 6
LETTERS = "ABCDEF"
"""Names of the runs in plots and sentences, in their order."""
_FEWEST_ROWS = 10
"""Rows that two runs must both have answered, for a comparison row by row."""


@dataclass(frozen=True)
class ComparedRun:
    """One of the runs."""

    run: Run
    results: Results | None
    """Its answers to held-out rows; None before it has ended and if none were kept."""
    loss: Points
    """(step, training loss)"""
    validation: Points
    """(step, score) of the metric that all runs are compared by, on the validation rows"""

    @property
    def scores(self) -> RunScores:
        """Its final scores; empty before it has ended."""
        return RunScores.of(self.run.job.scores)

    @property
    def duration(self) -> timedelta | None:
        """Time from its last start to its end; None before that."""
        began, ended = self.run.job.started_at, self.run.job.finished_at
        return ended - began if began and ended else None


@dataclass(frozen=True)
class Setting:
    """A setting with its value in each run."""

    group: str
    name: str
    values: tuple[str, ...]
    """One for each run, in their order."""

    @property
    def differs(self) -> bool:
        """Whether the runs have different values."""
        return len(set(self.values)) > 1


def common_metric(metrics: Sequence[Set[str]]) -> str | None:
    """Returns the main metric that all runs have; None if there is none.

    metrics: those of each run; a run without any yet is skipped.
    """
    known = [names for names in metrics if names]
    return score_text.main_metric(frozenset.intersection(*map(frozenset, known))) if known else None


def ranking(runs: Sequence[ComparedRun]) -> list[int]:
    """Returns the indices of the runs that have results, the best mean score first."""
    scored = [number for number, one in enumerate(runs) if one.results]
    return sorted(scored, key=lambda number: -_mean(runs[number]))


def best(runs: Sequence[ComparedRun]) -> int | None:
    """Returns the index of the run with the best score; None if no other run can be compared with it."""
    order = ranking(runs)
    return order[0] if any(_comparable_scores(runs[order[0]], runs[other]) for other in order[1:]) else None


def differences(runs: Sequence[ComparedRun]) -> list[str]:
    """Says for each run but the best whether the best one's lead over it is more than chance.

    Both must have answered the same rows, with the same target. The interval is the bootstrap's of the difference row
    by row, which is narrower than the two scores' own intervals, because rows that are hard are hard for both.
    """
    order = ranking(runs)
    return [_difference(runs, order[0], other) for other in order[1:]]


def _difference(runs: Sequence[ComparedRun], best: int, other: int) -> str:
    pair = f"{LETTERS[best]} and {LETTERS[other]}"
    scores = _comparable_scores(runs[best], runs[other])
    if not scores:
        return (
            f"{pair} were not tested on the same rows and for the same answers, so their scores do not tell which one "
            "is better."
        )
    gaps = [one - two for one, two in scores]
    gap, interval = 100 * sum(gaps) / len(gaps), mean_interval(gaps)
    points = f"{abs(gap):.1f} points ({_range(interval if gap >= 0 else Interval(-interval.high, -interval.low))})"
    rows = f"On the {len(gaps):,} rows that {pair} were both tested on"
    leader, led = (best, other) if gap >= 0 else (other, best)
    if interval.low > 0 or interval.high < 0:
        return f"{rows}, {LETTERS[leader]} is better by {points}: more than chance."
    if gap:
        return f"{rows}, {LETTERS[leader]} leads {LETTERS[led]} by {points}: it may be chance."
    return f"{rows}, both are equally good ({_range(interval)})."


def _range(interval: Interval) -> str:
    return f"{100 * interval.low:+.1f} to {100 * interval.high:+.1f}".replace("-", "−")


def _comparable_scores(one: ComparedRun, two: ComparedRun) -> list[tuple[float, float]]:
    """Returns the scores of two runs in each row that both were tested on; none if these rows are too few."""
    first, second = _scores_by_row(one), _scores_by_row(two)
    common = sorted(first.keys() & second.keys())
    return [(first[row], second[row]) for row in common] if len(common) >= _FEWEST_ROWS else []


def _scores_by_row(one: ComparedRun) -> dict[tuple[str, str, bool, int], float]:
    """Returns the score of each answered row, except rows that chose the prompt.

    A key is the data set, the target column, whether the answers are labels (texts have another score), and the row.
    """
    if one.results is None or not one.scores.tested:
        return {}
    data, labels = one.run.config.data, one.results.are_labels
    dataset = data.test_data or one.run.job.dataset
    return {(dataset, data.target_column, labels, answer.row): answer.score for answer in one.results.answers}


def _mean(one: ComparedRun) -> float:
    return one.results.mean if one.results else 0.0


def compared_settings(runs: Sequence[Run]) -> list[Setting]:
    """Returns every setting with its value in each run, group by group."""
    return [
        Setting(same[0].group, same[0].name, tuple(setting.text for setting in same))
        for same in zip(*(named_settings(run.job) for run in runs), strict=True)
    ]
