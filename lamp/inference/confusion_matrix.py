"""Counts which labels a prompt confuses, on held-out rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lamp.errors import DataError

CONFUSION = "confusion.json"


@dataclass(frozen=True)
class LabelScore:
    """Precision, recall and F1 of one label, each between 0 and 1."""

    label: str
    rows: int
    """Number of held-out rows that have this label."""
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class ConfusionMatrix:
    """Counts how often the rows of each label were answered with each label."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """counts[i][j]: rows of label i that were answered with label j."""

    def per_label(self) -> list[LabelScore]:
        """Returns precision, recall and F1 of every label; 0 where the divisor is 0."""
        scores = []
        for index, label in enumerate(self.labels):
            right, rows = self.counts[index][index], sum(self.counts[index])
            answered = sum(row[index] for row in self.counts)
            scores.append(
                LabelScore(
                    label,
                    rows,
                    right / answered if answered else 0.0,
                    right / rows if rows else 0.0,
                    2 * right / (rows + answered) if rows + answered else 0.0,
                )
            )
        return scores


def count_confusions(labels: Sequence[str], references: Sequence[str], predictions: Sequence[str]) -> ConfusionMatrix:
    """Counts the predictions for each reference label."""
    from sklearn.metrics import confusion_matrix

    counts = confusion_matrix(references, predictions, labels=list(labels))
    return ConfusionMatrix(tuple(labels), tuple(tuple(map(int, row)) for row in counts))


def write_confusion(matrix: ConfusionMatrix, folder: Path) -> None:
    """Writes confusion.json into `folder`."""
    (folder / CONFUSION).write_text(json.dumps(asdict(matrix), ensure_ascii=False) + "\n", encoding="utf-8")


def read_confusion(folder: Path) -> ConfusionMatrix | None:
    """Reads what `write_confusion` wrote; None if there is no file. Raises DataError when it is damaged."""
    try:
        values = json.loads((folder / CONFUSION).read_text(encoding="utf-8"))
        return ConfusionMatrix(tuple(values["labels"]), tuple(tuple(map(int, row)) for row in values["counts"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{CONFUSION} cannot be read: {error}.") from error
