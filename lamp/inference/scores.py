"""Scores of predictions against references, computed with the standard libraries."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from lamp.inference.score_tokens import UnicodeTokenizer, bleu_tokenizer, plain

Scores = dict[str, float]
"""Name of a score to its value."""

LOWER_IS_BETTER = frozenset({"loss", "perplexity"})
"""Scores that improve when they fall; all others improve when they rise."""

_UNTRAINED, _VOTE = "untrained_", "vote_"
ROWS = "_rows"
"""Suffix of the number of rows in merged scores: "test_rows" or "validation_rows"."""


def is_better(scores: Scores, than: Scores) -> bool:
    """Returns whether `scores` are better than the scores `than`.

    A higher accuracy is better, or the same accuracy at a lower loss; for generation a lower loss.
    """
    return (scores.get("accuracy", 0.0), -scores["loss"]) > (than.get("accuracy", 0.0), -than["loss"])


def merge_scores(tuned: Scores, untrained: Scores, vote: Scores | None = None) -> Scores:
    """Merges all scores into one dictionary, as files and the database store them.

    Scores of the untrained backbone have the prefix "untrained_", those of a vote of several prompts "vote_".
    """
    others = {_UNTRAINED: untrained, _VOTE: vote or {}}
    return {
        **tuned,
        **{f"{prefix}{name}": value for prefix, scores in others.items() for name, value in scores.items()},
    }


def split_scores(merged: Mapping[str, float]) -> tuple[Scores, Scores, Scores]:
    """Undoes `merge_scores`: the scores of the tuned prompt, of the untrained backbone and of the vote."""
    scores = {name: value for name, value in merged.items() if not name.endswith(ROWS)}
    tuned = {name: value for name, value in scores.items() if not name.startswith((_UNTRAINED, _VOTE))}
    untrained, vote = (
        {name.removeprefix(prefix): merged[name] for name in merged if name.startswith(prefix)}
        for prefix in (_UNTRAINED, _VOTE)
    )
    return tuned, untrained, vote


def improves(metric: str, value: float, than: float) -> bool:
    """Returns whether `value` is better than `than` in this metric; equal values are not."""
    return value < than if metric in LOWER_IS_BETTER else value > than


def classification_scores(references: Sequence[str], predictions: Sequence[str]) -> Scores:
    """Returns accuracy, macro-averaged F1 and Matthews correlation."""
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    return {
        "accuracy": float(accuracy_score(references, predictions)),
        "macro_f1": float(f1_score(references, predictions, average="macro", zero_division=0)),
        "matthews": float(matthews_corrcoef(references, predictions)),
    }


def generation_scores(references: Sequence[str], predictions: Sequence[str]) -> Scores:
    """Returns exact match, token F1 and ROUGE-L, all between 0 and 1, and BLEU between 0 and 100.

    A text equal to its reference has the full score in every script. BLEU counts sequences of up to four tokens, or of
    as many as the longest prediction has (sacrebleu's effective order); otherwise short answers would score 0.
    """
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics.bleu import BLEU

    tokenizer = UnicodeTokenizer()
    rouge = RougeScorer(["rougeL"], tokenizer=tokenizer)
    bleu = BLEU(tokenize=bleu_tokenizer(references), effective_order=True)
    references, predictions = [plain(text) for text in references], [plain(text) for text in predictions]
    pairs = list(zip(references, predictions, strict=True))
    return {
        "exact_match": sum(r == p for r, p in pairs) / len(pairs),
        "token_f1": sum(_token_f1(tokenizer.tokenize(r), tokenizer.tokenize(p)) for r, p in pairs) / len(pairs),
        "rouge_l": sum(rouge.score(r, p)["rougeL"].fmeasure for r, p in pairs) / len(pairs),
        "bleu": float(bleu.corpus_score(predictions, [references]).score),
    }


def row_scores(references: Sequence[str], predictions: Sequence[str], *, labels: bool) -> list[float]:
    """Returns the score of each prediction: 1 or 0 for labels, ROUGE-L (0 to 1) for texts."""
    if labels:
        return [float(reference == prediction) for reference, prediction in zip(references, predictions, strict=True)]
    from rouge_score.rouge_scorer import RougeScorer

    rouge = RougeScorer(["rougeL"], tokenizer=UnicodeTokenizer())
    return [
        float(rouge.score(plain(reference), plain(prediction))["rougeL"].fmeasure)
        for reference, prediction in zip(references, predictions, strict=True)
    ]


def perplexity(loss: float) -> float:
    """Returns exp of a mean negative log-likelihood; infinity on overflow."""
    return math.exp(loss) if loss < 700 else math.inf


def _token_f1(wanted: Sequence[str], given: Sequence[str]) -> float:
    """Harmonic mean of the precision and recall of tokens, as SQuAD scores answers."""
    shared = sum((Counter(wanted) & Counter(given)).values())
    if not shared:
        return float(wanted == given)
    precision, recall = shared / len(given), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)
