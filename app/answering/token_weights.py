"""What each virtual token adds: the expected labels' probability with the whole prompt and without the token."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from app.answering.answer import Request
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
    """Mean probability of the expected label with the whole prompt, 0 to 1"""
    added: tuple[float, ...]
    """How much of it is lost when a token is left out, one a virtual token; negative where it is better without"""


def some_of(places: Sequence[int]) -> list[int]:
    """At most 32 of the rows, at even distances, ascending."""
    ordered = sorted(places)
    stride = max(1, -(-len(ordered) // _MOST_ROWS))
    return ordered[::stride]


def weigh_tokens(
    answerer: Answerer,
    request: Request,
    expected: Sequence[str],
    tokens: int,
    on_progress: Callable[[float, str], None],
) -> TokenWeights:
    """Answers the request's inputs with the whole prompt, then without each of its tokens.

    expected: the right label of each input; on_progress: called with the share that is done and a short sentence.
    Raises LampError.
    """
    request = replace(request, untrained=False)

    def mean_probability(without: int | None, share: float, stage: str) -> float:
        answers = answerer.answers(replace(request, without=without), lambda text: on_progress(share, stage or text))
        found = (answer.tuned_probabilities.get(label, 0.0) for answer, label in zip(answers, expected, strict=True))
        return sum(found) / len(expected)

    whole = mean_probability(None, 0.0, "")
    added = []
    for token in range(tokens):
        share = (token + 1) / (tokens + 1)
        added.append(whole - mean_probability(token, share, f"Answering without token {token + 1} of {tokens}"))
    return TokenWeights(len(expected), whole, tuple(added))


def write_weights(weights: TokenWeights, file: Path) -> None:
    """Keeps them for the next look. Raises OSError."""
    with written_whole(file) as staged:
        staged.write_text(json.dumps(asdict(weights)), encoding="utf-8")


def read_weights(file: Path) -> TokenWeights | None:
    """What `write_weights` wrote; None where there is no file. Raises DataError when it is damaged."""
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        return TokenWeights(int(values["rows"]), float(values["whole"]), tuple(map(float, values["added"])))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"What the prompt's tokens add cannot be read: {error}.") from error
