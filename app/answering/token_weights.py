"""What each virtual token adds: how likely the right answers are with the whole prompt and without the token."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from app.answering.answer import Answer, Request
from app.answering.answerer import Answerer
from lamp.errors import DataError
from lamp.files import written_whole

_MOST_ROWS = 32
"""Rows that are answered again without each token: one turn of the answering process."""


@dataclass(frozen=True)
class TokenWeights:
    """What the virtual tokens of a prompt add, on some tested rows."""

    rows: int
    whole: float
    """Mean probability of the expected label with the whole prompt, 0 to 1; for texts the mean loss"""
    added: tuple[float, ...]
    """How much probability is lost when a token is left out, or how much the loss grows, one a virtual token; negative
    where it is better without"""
    of_texts: bool = False
    """Whether these are losses"""


def some_of(places: Sequence[int], most: int = _MOST_ROWS) -> list[int]:
    """At most so many of the rows, at even distances, ascending."""
    ordered = sorted(places)
    stride = max(1, -(-len(ordered) // most))
    return ordered[::stride]


def weigh_tokens(
    answerer: Answerer,
    request: Request,
    expected: Sequence[str],
    tokens: int,
    on_progress: Callable[[float, str], None],
    *,
    labels: bool = True,
) -> TokenWeights:
    """Scores the request's inputs with the whole prompt, then without each of its tokens.

    expected: the right answer to each input; labels: whether these are labels, and not texts, of which nothing is
    written; on_progress: called with the share that is done and a short sentence. Raises LampError.
    """
    request = replace(request, untrained=False, expected=() if labels else tuple(expected))

    def mean(without: int | None, share: float, stage: str) -> float:
        answers = answerer.answers(replace(request, without=without), lambda text: on_progress(share, stage or text))
        pairs = zip(answers, expected, strict=True)
        return sum(_likelihood(answer, right, labels=labels) for answer, right in pairs) / len(expected)

    whole = mean(None, 0.0, "")
    added = []
    for token in range(tokens):
        share = (token + 1) / (tokens + 1)
        added.append(whole - mean(token, share, f"Scoring without token {token + 1} of {tokens}"))
    return TokenWeights(len(expected), whole if labels else -whole, tuple(added), of_texts=not labels)


def _likelihood(answer: Answer, right: str, *, labels: bool) -> float:
    """The probability of the right label, or the mean log-likelihood of the right text's tokens."""
    return answer.tuned_probabilities.get(right, 0.0) if labels else -(answer.loss or 0.0)


def write_weights(weights: TokenWeights, file: Path) -> None:
    """Keeps them for the next look. Raises OSError."""
    with written_whole(file) as staged:
        staged.write_text(json.dumps(asdict(weights)), encoding="utf-8")


def read_weights(file: Path) -> TokenWeights | None:
    """What `write_weights` wrote; None where there is no file. Raises DataError when it is damaged."""
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        added, of_texts = tuple(map(float, values["added"])), bool(values.get("of_texts", False))
        return TokenWeights(int(values["rows"]), float(values["whole"]), added, of_texts)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"What the prompt's tokens add cannot be read: {error}.") from error
