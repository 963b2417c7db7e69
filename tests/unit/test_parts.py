"""Three parts of the rows: to learn from, to choose by, to test on; and rows of their own for the latter two."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lamp.config import DataConfig
from lamp.data.checks import data_warnings
from lamp.data.splits import Splits, prepare
from lamp.data.tables import Table
from lamp.errors import DataError
from tests.unit.tables_of import table_of

CONFIG = DataConfig(("text",), "label", task="classification", template="{text}")


def rows(first: int, last: int, labels: str = "ab") -> Table:
    numbers = range(first, last)
    return table_of(text=[f"row {number}" for number in numbers], label=[labels[n % len(labels)] for n in numbers])


def inputs(splits: Splits) -> list[set[str]]:
    return [{example.text for example in part} for part in splits.parts]


@pytest.mark.parametrize(("share", "tested"), [(0.1, 40), (0.25, 100), (0.0, 0)])
def test_the_test_has_its_share_of_all_rows_and_validation_keeps_its_own(share: float, tested: int) -> None:
    splits = prepare(rows(0, 400), replace(CONFIG, test_share=share))
    assert [len(part) for part in splits.parts] == [360 - tested, 40, tested]
    assert splits.validation == prepare(rows(0, 400), replace(CONFIG, test_share=0.0)).validation


def test_the_test_has_no_more_rows_than_its_limit_and_the_same_share_of_each_label() -> None:
    splits = prepare(rows(0, 3000, "aaab"), replace(CONFIG, max_test_rows=40))
    labels = [example.target for example in splits.test]
    assert (labels.count("a"), labels.count("b")) == (30, 10)


def test_of_very_few_different_inputs_there_is_no_test_and_the_run_can_start() -> None:
    table = table_of(text=[f"colour {number % 3}" for number in range(60)], label=["a", "b"] * 30)
    splits = prepare(table, CONFIG)
    assert len(splits.validation) == 20 and not splits.test and len(splits.train) == 40


def test_every_example_knows_its_row_of_the_table() -> None:
    table = table_of(text=["", *(f"row {number}" for number in range(1, 40))], label=["a", "b"] * 20)
    for part in prepare(table, CONFIG).parts:
        assert all(example.text == f"row {example.row}" for example in part)


def test_rows_of_their_own_are_used_whole_and_all_others_are_learned_from() -> None:
    splits = prepare(rows(0, 100), CONFIG, rows(100, 130), rows(130, 150))
    assert inputs(splits) == [{f"row {n}" for n in range(*span)} for span in ((0, 100), (100, 130), (130, 150))]
    assert splits.held_out_too == 0


def test_rows_of_their_own_beyond_the_limit_are_drawn_by_the_seed() -> None:
    config = replace(CONFIG, max_validation_rows=10, max_test_rows=5)
    splits = prepare(rows(0, 100), config, rows(100, 200), rows(200, 300))
    assert [len(part) for part in splits.parts] == [100, 10, 5]
    assert splits == prepare(rows(0, 100), config, rows(100, 200), rows(200, 300))
    assert splits.test != prepare(rows(0, 100), replace(config, split_seed=1), None, rows(200, 300)).test


def test_an_input_that_stands_in_two_data_sets_is_kept_in_one_part_and_counted() -> None:
    splits = prepare(rows(0, 100), CONFIG, rows(80, 130), rows(90, 110))
    train, validation, test = inputs(splits)
    assert test == {f"row {n}" for n in range(90, 110)}
    assert validation == {f"row {n}" for n in range(80, 130)} - test
    assert train == {f"row {n}" for n in range(80)}
    assert splits.held_out_too == 20 + 20, "20 rows are not learned from, and 20 do not choose"
    left_out = "Rows left out because the rows for validation or the test have the same input: 40, such as row "
    assert any(sentence.startswith(left_out) for sentence in data_warnings(splits, (), ()))


def test_a_label_that_only_the_test_has_can_be_answered_and_counts_as_never_learned() -> None:
    splits = prepare(rows(0, 100), CONFIG, test=rows(100, 120, "abc"))
    assert splits.labels == {"a": 50, "b": 50, "c": 0}
    assert any("fewer than 3 rows, such as 'c' (0)" in sentence for sentence in data_warnings(splits, (), ()))


@pytest.mark.parametrize(
    ("validation", "test", "sentence"),
    [
        (table_of(text=["x"], other=["a"]), None, "The rows for validation cannot be used: The data set has no column"),
        (None, table_of(text=["", "x"], label=["a", ""]), "The data set for test has no row with an input and a tar"),
        (rows(0, 100), None, "Only 0 of the 100 rows have an input that no row for validation or test has"),
        (rows(200, 210), rows(200, 220), "Every row for validation is a row for the test as well"),
    ],
    ids=["other columns", "no usable row", "the same rows", "validation within the test"],
)
def test_rows_that_cannot_be_held_out_are_one_sentence(
    validation: Table | None, test: Table | None, sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        prepare(rows(0, 100), CONFIG, validation, test)
