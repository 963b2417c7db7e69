"""The answers of a run's prompt to its held-out rows: totals, intervals, and rows to look through."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from app.views.csv_cells import harmless
from app.views.uncertainty import Interval, mean_interval, share_interval
from lamp.inference.answers import RowAnswer, read_answers

ALL, WRONG, RIGHT, CHANGED = "All", "Wrong", "Right", "Changed by the prompt"
FILTERS = (ALL, WRONG, RIGHT, CHANGED)


@dataclass(frozen=True)
class Results:
    """The answers of a prompt to held-out rows, and those of the untrained model."""

    answers: tuple[RowAnswer, ...]

    @property
    def are_labels(self) -> bool:
        """Whether answers are one of a few labels, and not texts."""
        return self.answers[0].confidence is not None

    @property
    def right(self) -> int:
        """Number of rows that were answered as expected."""
        return sum(answer.score == 1 for answer in self.answers)

    @property
    def untrained_right(self) -> int:
        """Number of rows that the untrained model answered as expected."""
        return sum(answer.untrained_score == 1 for answer in self.answers)

    @property
    def commonest(self) -> tuple[str, int]:
        """The most frequent expected answer, and its number of rows."""
        return Counter(answer.expected for answer in self.answers).most_common(1)[0]

    @property
    def mean(self) -> float:
        """The mean score of a row, 0 to 1: the share of right labels, or ROUGE-L of texts."""
        return sum(answer.score for answer in self.answers) / len(self.answers)

    @property
    def interval(self) -> Interval:
        """The 95 % interval of `mean`."""
        if self.are_labels:
            return share_interval(self.right, len(self.answers))
        return mean_interval([answer.score for answer in self.answers])

    @property
    def untrained_mean(self) -> float:
        """The untrained model's mean score of a row."""
        return sum(answer.untrained_score for answer in self.answers) / len(self.answers)

    @property
    def untrained_interval(self) -> Interval:
        """The 95 % interval of `untrained_mean`."""
        if self.are_labels:
            return share_interval(self.untrained_right, len(self.answers))
        return mean_interval([answer.untrained_score for answer in self.answers])

    @property
    def metric(self) -> str:
        """The name of the metric that `mean` is."""
        return "accuracy" if self.are_labels else "rouge_l"

    @property
    def gain(self) -> Interval:
        """Returns the interval of the difference that the prompt makes to the mean score, from the same rows with it
        and without it."""
        return mean_interval([answer.score - answer.untrained_score for answer in self.answers])

    def chosen(self, shown: str = ALL, expected: str = "", answered: str = "", text: str = "") -> list[RowAnswer]:
        """Returns the rows of one of FILTERS, the worst first: wrong ones by confidence, texts by score.

        expected, answered: only rows with these labels, "" for all; text: only rows that contain these words.
        """
        words = text.casefold().split()
        rows = [
            answer
            for answer in self.answers
            if _is_shown(answer, shown)
            and (not expected or answer.expected == expected)
            and (not answered or answer.answer == answered)
            and all(word in f"{answer.input}\n{answer.expected}\n{answer.answer}".casefold() for word in words)
        ]
        return sorted(rows, key=lambda answer: (answer.score, -(answer.confidence or 0.0) * (1 - 2 * answer.score)))


def _is_shown(answer: RowAnswer, shown: str) -> bool:
    if shown == CHANGED:
        return answer.answer != answer.untrained_answer
    return shown == ALL or (answer.score == 1) == (shown == RIGHT)


def read_results(file: Path) -> Results | None:
    """Reads the results of a run; None if there are none. Raises DataError if they cannot be read."""
    try:
        changed = file.stat().st_mtime_ns
    except OSError:
        return None
    answers = _read(file, changed)
    return Results(answers) if answers else None


@lru_cache(maxsize=8)
def _read(file: Path, changed: int) -> tuple[RowAnswer, ...]:
    """changed: when the file was written, so that a resumed run's new answers are read."""
    return read_answers(file)


def to_csv(answers: Sequence[RowAnswer]) -> str:
    """Returns the rows as CSV for a spreadsheet, in which no cell is computed as a formula."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(("row", "input", "expected", "answer", "score", "confidence", "untrained answer"))
    for answer in answers:
        confidence = "" if answer.confidence is None else f"{answer.confidence:.4f}"
        texts = map(harmless, (answer.input, answer.expected, answer.answer, answer.untrained_answer))
        read, expected, answered, untrained = texts
        writer.writerow((answer.row + 1, read, expected, answered, f"{answer.score:.4f}", confidence, untrained))
    return table.getvalue()
