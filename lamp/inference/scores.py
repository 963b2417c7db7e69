"""Scores of predictions against references, each from the library that the field quotes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

Scores = dict[str, float]
"""Name of a score to its value."""

LOWER_IS_BETTER = frozenset({"loss", "perplexity"})
"""Scores that improve when they fall; all others improve when they rise."""

_UNTRAINED = "untrained_"


def is_better(scores: Scores, than: Scores) -> bool:
    """Whether a prompt with these scores is to be kept rather than the other one.

    A higher accuracy is better, or the same accuracy at a lower loss; for generation a lower loss.
    """
    return (scores.get("accuracy", 0.0), -scores["loss"]) > (than.get("accuracy", 0.0), -than["loss"])


def merge_scores(tuned: Scores, untrained: Scores) -> Scores:
    """Both as one dictionary, as files and the database keep them: names of the untrained ones get a prefix."""
    return {**tuned, **{f"{_UNTRAINED}{name}": value for name, value in untrained.items()}}


def split_scores(merged: Mapping[str, float]) -> tuple[Scores, Scores]:
    """What `merge_scores` joined: the scores of the tuned prompt, and those of the untrained backbone."""
    tuned = {name: value for name, value in merged.items() if not name.startswith(_UNTRAINED)}
    untrained = {name.removeprefix(_UNTRAINED): merged[name] for name in merged if name.startswith(_UNTRAINED)}
    return tuned, untrained


def improves(metric: str, value: float, than: float) -> bool:
    """Whether `value` is a better score of this metric than `than`; equal scores are not."""
    return value < than if metric in LOWER_IS_BETTER else value > than


def classification_scores(references: Sequence[str], predictions: Sequence[str]) -> Scores:
    """Accuracy, macro-averaged F1 and Matthews correlation."""
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    return {
        "accuracy": float(accuracy_score(references, predictions)),
        "macro_f1": float(f1_score(references, predictions, average="macro", zero_division=0)),
        "matthews": float(matthews_corrcoef(references, predictions)),
    }


def generation_scores(references: Sequence[str], predictions: Sequence[str]) -> Scores:
    """Exact match, token F1, ROUGE-L, all between 0 and 1, and BLEU between 0 and 100."""
    import sacrebleu
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"])
    pairs = list(zip(references, predictions, strict=True))
    return {
        "exact_match": sum(r.strip() == p.strip() for r, p in pairs) / len(pairs),
        "token_f1": sum(_token_f1(r, p) for r, p in pairs) / len(pairs),
        "rouge_l": sum(scorer.score(r, p)["rougeL"].fmeasure for r, p in pairs) / len(pairs),
        "bleu": float(sacrebleu.corpus_bleu(list(predictions), [list(references)]).score),
    }


def perplexity(loss: float) -> float:
    """exp of a mean negative log-likelihood; infinite where that overflows."""
    return math.exp(loss) if loss < 700 else math.inf


def _token_f1(reference: str, prediction: str) -> float:
    """Harmonic mean of the precision and recall of whitespace tokens, as SQuAD scores answers."""
    wanted, given = reference.lower().split(), prediction.lower().split()
    shared = sum((Counter(wanted) & Counter(given)).values())
    if not shared:
        return float(wanted == given)
    precision, recall = shared / len(given), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)
