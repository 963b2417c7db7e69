"""Formats scores for people, beside the untrained backbone's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lamp.inference.scores import ROWS, improves, split_scores

_LABELS = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
    "matthews": "Matthews correlation",
    "exact_match": "Exact match",
    "token_f1": "Token F1",
    "rouge_l": "ROUGE-L",
    "bleu": "BLEU",
    "perplexity": "Perplexity",
    "loss": "Loss",
}
"""Display names of metrics, in the order in which they are shown."""
_SHARES = {"accuracy", "macro_f1", "exact_match", "token_f1", "rouge_l"}
"""Metrics between 0 and 1 that are shown as percentages."""
_MOST_LABELS = 12
"""The most labels whose probabilities are shown."""


@dataclass(frozen=True)
class RunScores:
    """A run's scores on the held-out rows, by metric."""

    tuned: Mapping[str, float]
    untrained: Mapping[str, float]
    """Scores of the backbone without the prompt."""
    vote: Mapping[str, float] = field(default_factory=dict)
    """Scores of the labels that several prompts choose together; empty if one answers alone."""
    tested: bool = False
    """Whether they were measured on test rows, and not on those by which the prompt was chosen."""
    rows: int | None = None
    """Number of rows that they were measured on; None after a run of an early version."""

    @classmethod
    def of(cls, stored: Mapping[str, float]) -> RunScores:
        """Splits a job's `scores`: the untrained backbone's have the prefix "untrained_", those of a vote "vote_"."""
        counts = {name: int(value) for name, value in stored.items() if name.endswith(ROWS)}
        return cls(*split_scores(stored), f"test{ROWS}" in counts, next(iter(counts.values()), None))


@dataclass(frozen=True)
class ScoreComparison:
    """One score of a prompt beside the untrained backbone's, as texts."""

    label: str
    tuned: str
    untrained: str
    """Empty if the untrained backbone was not scored."""
    gain: str
    """The difference, signed; empty if there is nothing to compare with."""
    better: bool
    """Whether the prompt is at least as good as no prompt."""
    vote: str = ""
    """The score of several prompts that vote; empty if one answers alone."""


def metric_label(metric: str) -> str:
    """Returns the display name of a metric: "Macro F1" for "macro_f1"."""
    return _LABELS.get(metric, metric.replace("_", " ").capitalize())


def is_share(metric: str) -> bool:
    """Returns whether a metric is between 0 and 1 and is shown as a percentage."""
    return metric in _SHARES


def format_score(metric: str, value: float) -> str:
    """Formats a score with its unit: "87.5 %" for a share, else a plain number."""
    return f"{100 * value:.1f} %" if metric in _SHARES else f"{value:.3g}"


def main_metric(metrics: Iterable[str]) -> str | None:
    """Returns the metric to show if there is room for only one: accuracy, or else ROUGE-L, or else the loss."""
    present = set(metrics)
    return next((metric for metric in ("accuracy", "rouge_l", "loss") if metric in present), None)


def scored_on(scores: RunScores) -> str:
    """Returns the rows that scores were measured on, such as "45 test rows"."""
    part = ("test" if scores.tested else "validation") if scores.rows is not None else "held-out"
    return f"{scores.rows:,} {part} rows" if scores.rows is not None else f"{part} rows"


def gained_nothing(scores: RunScores) -> bool:
    """Returns whether the prompt's main score is no better than the untrained backbone's; False if that is unknown."""
    metric = main_metric(scores.tuned)
    if metric is None or metric not in scores.untrained:
        return False
    return not improves(metric, scores.tuned[metric], scores.untrained[metric])


def compare_scores(scores: RunScores) -> tuple[ScoreComparison, ...]:
    """Returns every score of a prompt beside the untrained backbone's, the well-known metrics first."""
    order = [*_LABELS, *sorted(set(scores.tuned) - set(_LABELS))]
    return tuple(
        compare_score(metric, scores.tuned[metric], scores.untrained.get(metric), scores.vote.get(metric))
        for metric in order
        if metric in scores.tuned
    )


def compare_score(metric: str, tuned: float, untrained: float | None, vote: float | None = None) -> ScoreComparison:
    """Returns one score of a prompt beside the untrained backbone's, and that of the vote."""
    label, text = metric_label(metric), format_score(metric, tuned)
    by_vote = "" if vote is None else format_score(metric, vote)
    if untrained is None:
        return ScoreComparison(label, text, "", "", better=True, vote=by_vote)
    gap = tuned - untrained
    gain = f"{100 * gap:+.1f} points" if metric in _SHARES else f"{gap:+.3g}"
    better = not improves(metric, untrained, tuned)
    return ScoreComparison(label, text, format_score(metric, untrained), gain.replace("-", "−"), better, by_vote)


def likeliest_labels(tuned: Mapping[str, float], untrained: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """Returns (label, tuned probability, untrained probability) of the labels most probable for the tuned prompt."""
    labels = sorted(tuned, key=lambda label: -tuned[label])
    return [(label, tuned[label], untrained.get(label, 0.0)) for label in labels[:_MOST_LABELS]]
