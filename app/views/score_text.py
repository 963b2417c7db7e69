"""Scores as people read them, beside the untrained backbone's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lamp.inference.scores import LOWER_IS_BETTER

_SCORES = {
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


_SHARES = {"accuracy", "macro_f1", "exact_match", "token_f1", "rouge_l"}


@dataclass(frozen=True)
class Score:
    """One score of a run beside the untrained backbone's."""

    name: str
    tuned: str
    untrained: str
    gain: str
    """The difference, signed; empty when there is nothing to compare with."""
    better: bool


def score_name(metric: str) -> str:
    """What people call a metric: "validation/macro_f1" is "Macro F1"."""
    name = metric.removeprefix("validation/").removeprefix("untrained_")
    return _SCORES.get(name, name.replace("_", " ").capitalize())


def score_text(metric: str, value: float) -> str:
    """A score with its unit: "87.5 %" for a share, a plain number else."""
    name = metric.removeprefix("validation/").removeprefix("untrained_")
    return f"{100 * value:.1f} %" if name in _SHARES else f"{value:.3g}"


def main_score(names: Sequence[str]) -> str | None:
    """The one score that is shown first, without prefix: accuracy, or the loss of a run that writes texts."""
    plain = {name.removeprefix("validation/") for name in names}
    return next((name for name in ("accuracy", "rouge_l", "loss") if name in plain), None)


def scores(found: Mapping[str, float]) -> list[Score]:
    """A finished run's scores beside the untrained backbone's, the well-known ones first."""
    order = [*_SCORES, *sorted(set(found) - set(_SCORES))]
    return [
        compared(name, found[name], found.get(f"untrained_{name}"))
        for name in order
        if name in found and not name.startswith("untrained_")
    ]


def compared(metric: str, tuned: float, untrained: float | None) -> Score:
    """One score beside the untrained backbone's."""
    name = metric.removeprefix("validation/")
    if untrained is None:
        return Score(score_name(name), score_text(name, tuned), "", "", better=True)
    gap = tuned - untrained
    better = gap <= 0 if name in LOWER_IS_BETTER else gap >= 0
    text = f"{100 * gap:+.1f} points" if name in _SHARES else f"{gap:+.3g}"
    return Score(score_name(name), score_text(name, tuned), score_text(name, untrained), text.replace("-", "−"), better)


def probabilities(
    tuned: Mapping[str, float], untrained: Mapping[str, float], most: int = 12
) -> list[tuple[str, float, float]]:
    """(label, tuned, untrained), the tuned prompt's likeliest first."""
    labels = sorted(tuned, key=lambda label: -tuned[label])
    return [(label, tuned[label], untrained.get(label, 0.0)) for label in labels[:most]]
