"""A prompt's answer to each held-out row beside the untrained backbone's, and the file that stores both."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from itertools import repeat
from pathlib import Path

from lamp.data.conversation import readable
from lamp.data.splits import Example
from lamp.errors import DataError
from lamp.inference.scores import row_scores


@dataclass(frozen=True)
class RowAnswer:
    """A held-out row with two answers: the tuned prompt's and the untrained backbone's."""

    row: int
    """Index in the table, from 0"""
    input: str
    """The row rendered by the recipe's template, without the end of the template, which is the same in every row"""
    expected: str
    answer: str
    score: float
    """For a label, 1 if right and 0 if wrong; for a text ROUGE-L, from 0 to 1"""
    confidence: float | None
    """Probability of the answered label; None for texts"""
    untrained_answer: str
    untrained_score: float


def row_answers(
    examples: Sequence[Example],
    answers: Sequence[str],
    confidences: Sequence[float],
    untrained_answers: Sequence[str],
) -> tuple[RowAnswer, ...]:
    """Combines the rows that were answered, the first ones, with their answers.

    confidences: one for each answer with labels; empty for texts.
    """
    answered = list(examples[: len(answers)])
    expected = [example.target for example in answered]
    score = partial(row_scores, expected, labels=bool(confidences))
    values = zip(
        answered,
        answers,
        score(answers),
        confidences or repeat(None, len(answers)),
        untrained_answers,
        score(untrained_answers),
        strict=True,
    )
    return tuple(
        RowAnswer(example.row, _input(example), example.target, answer, value, confidence, untrained, untrained_value)
        for example, answer, value, confidence, untrained, untrained_value in values
    )


def _input(example: Example) -> str:
    return readable(example.text.removesuffix(example.template_suffix).strip())


def write_answers(answers: Iterable[RowAnswer], file: Path) -> None:
    """Writes the answers as JSON lines. Raises OSError."""
    with file.open("w", encoding="utf-8", errors="surrogatepass") as lines:
        lines.writelines(json.dumps(asdict(answer)) + "\n" for answer in answers)


def read_answers(file: Path) -> tuple[RowAnswer, ...]:
    """Reads what `write_answers` wrote; empty if there is no file. Raises DataError when it is damaged."""
    names = [field.name for field in fields(RowAnswer)]
    try:
        with file.open(encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        return tuple(RowAnswer(*(row[name] for name in names)) for row in rows)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"The answers to the held-out rows cannot be read: {error}.") from error
