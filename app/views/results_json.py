"""Answers to held-out rows, and comparisons of runs, as JSON values for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from app.views.comparison import ComparedRun, differences
from app.views.results import Results
from app.views.run_json import run_as_dict


def results_as_dict(results: Results) -> dict[str, Any]:
    """Returns the mean score of a row with its 95 % interval, and every row with its two answers."""
    return {
        "score": results.mean,
        "interval": [results.interval.low, results.interval.high],
        "are_labels": results.are_labels,
        "answers": [asdict(answer) for answer in results.answers],
    }


def comparison_as_dict(runs: Sequence[ComparedRun], metric: str | None) -> dict[str, Any]:
    """Returns runs side by side, and a sentence for each one but the best: whether it is behind by more than chance."""
    return {
        "metric": metric,
        "runs": [run_as_dict(one.run.job) for one in runs],
        "differences": differences(runs),
    }
