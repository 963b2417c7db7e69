"""The results of a run: counted with an interval, sorted so that the worst come first, taken home as CSV."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import pytest

from app.views.results import CHANGED, RIGHT, WRONG, Results, read_results, to_csv
from app.views.uncertainty import mean_interval, share_interval
from lamp.errors import DataError
from lamp.inference.answers import RowAnswer, write_answers


def label(row: int, expected: str, answer: str, confidence: float, untrained: str = "a") -> RowAnswer:
    right, was_right = float(answer == expected), float(untrained == expected)
    return RowAnswer(row, f"input {row}", expected, answer, right, confidence, untrained, was_right)


LABELS = Results(
    (
        label(0, "a", "a", 0.9),
        label(1, "b", "a", 0.6),
        label(2, "b", "b", 0.55),
        label(3, "b", "a", 0.99),
        label(4, "a", "b", 0.7, untrained="b"),
    )
)


def test_wrong_answers_come_first_and_of_them_the_most_confident_one() -> None:
    assert [answer.row for answer in LABELS.chosen()] == [3, 4, 1, 2, 0]


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        ({"shown": WRONG}, [3, 4, 1]),
        ({"shown": RIGHT}, [2, 0]),
        ({"shown": CHANGED}, [2]),
        ({"expected": "b"}, [3, 1, 2]),
        ({"expected": "b", "answered": "a"}, [3, 1]),
        ({"text": "INPUT 4"}, [4]),
        ({"text": "no such words"}, []),
    ],
)
def test_rows_are_chosen_by_what_became_of_them(filters: dict[str, str], rows: list[int]) -> None:
    assert [answer.row for answer in LABELS.chosen(**filters)] == rows


def test_rows_are_counted() -> None:
    assert (LABELS.right, LABELS.untrained_right, LABELS.commonest, LABELS.mean) == (2, 1, ("b", 3), 0.4)


@pytest.mark.parametrize(
    ("right", "rows", "low", "high"),
    [(41, 45, 0.793, 0.965), (0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (50, 100, 0.404, 0.596)],
)
def test_the_interval_of_a_share_is_wilsons(right: int, rows: int, low: float, high: float) -> None:
    interval = share_interval(right, rows)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-3)


def test_the_interval_of_a_mean_holds_it_as_often_as_promised() -> None:
    rng, held = random.Random(3), 0
    for _ in range(200):
        interval = mean_interval([rng.random() for _ in range(40)])
        held += interval.low <= 0.5 <= interval.high
    assert 178 <= held <= 200, "95 % of 200 are 190"
    assert mean_interval([0.25] * 7) == mean_interval([0.25] * 7)


def test_of_very_many_rows_the_interval_is_the_normal_one() -> None:
    many = mean_interval([0.0, 1.0] * 5000)
    assert (many.low, many.high) == pytest.approx((0.4902, 0.5098), abs=1e-4)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_cell_of_the_csv_is_a_formula(cell: str) -> None:
    text = to_csv([RowAnswer(0, cell, cell, cell, 0.5, None, cell, 0.0)])
    row = next(csv.DictReader(io.StringIO(text, newline="")))
    assert [row[name] for name in ("input", "expected", "answer", "untrained answer")] == [f"'{cell}"] * 4
    assert row["row"] == "1" and row["score"] == "0.5000"


def test_results_are_read_again_when_a_resumed_run_has_new_ones(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    assert read_results(file) is None
    write_answers(LABELS.answers, file)
    assert read_results(file) == LABELS
    file.write_text("")
    assert read_results(file) is None
    file.write_text("no JSON\n")
    with pytest.raises(DataError, match="cannot be read"):
        read_results(file)
