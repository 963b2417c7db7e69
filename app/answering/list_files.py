"""Answered rows as files to take home: JSON Lines, and a CSV file that is made from them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from app.answering.answer import Answer
from app.views.csv_cells import harmless

_MOST_PROBABILITIES = 20
"""Labels of a row whose probabilities are written, the likeliest ones."""


def write_row(lines: TextIO, number: int, row: dict[str, str], answer: Answer | None) -> None:
    """Adds a row to a file of JSON Lines. number: from 1; answer: None for a row without an input."""
    values: dict[str, Any] = {"row": number, "input": row, "answer": answer.tuned if answer else ""}
    if answer and answer.tuned_probabilities:
        likeliest = sorted(answer.tuned_probabilities.items(), key=lambda item: -item[1])[:_MOST_PROBABILITIES]
        values["probabilities"] = {label: round(share, 6) for label, share in likeliest}
    if answer and answer.cut_to is not None:
        values["cut_to_tokens"] = answer.cut_to
    lines.write(json.dumps(values, ensure_ascii=False) + "\n")


def write_csv(lines: Path, columns: Sequence[str], target: Path) -> None:
    """The rows of a file of JSON Lines as CSV for a spreadsheet, in which no cell is computed as a formula.

    columns: of the file that was answered; they come first. It begins with a byte order mark, without which Excel takes
    UTF-8 for another encoding.
    """
    own = [_free(name, columns) for name in ("answer", "confidence")]
    with target.open("w", encoding="utf-8-sig", errors="replace", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(map(harmless, (*columns, *own)))
        for values in _rows(lines):
            confidence = max(values.get("probabilities", {}).values(), default=None)
            cells = [*(values["input"][column] for column in columns), values["answer"]]
            writer.writerow((*map(harmless, cells), "" if confidence is None else f"{confidence:.4f}"))


def _rows(lines: Path) -> Iterator[dict[str, Any]]:
    with lines.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _free(name: str, taken: Sequence[str]) -> str:
    """The name, or one like it that no column has."""
    number = 2
    free = name
    while free in taken:
        free, number = f"{name} {number}", number + 1
    return free
