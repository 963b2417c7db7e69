"""The held-out rows: the asked share of each label, no more than the limit, and no input that is learned as well."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import replace

import pytest

from lamp.config import DataConfig
from lamp.data.holding_out import held_out_rows, same_input_key, short_key
from lamp.data.splits import prepare
from lamp.errors import DataError
from tests.unit.tables_of import table_of

CONFIG = DataConfig(("text",), "label", task="classification")


def held_out(inputs: list[str], labels: list[str], **changes: float) -> set[int]:
    return held_out_rows([short_key(same_input_key(text)) for text in inputs], labels, replace(CONFIG, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows_each", "share", "most", "asked"), [(2, 0.1, 200, 200), (5, 0.1, 5000, 500), (2, 0.01, 200, 20)]
)
def test_a_thousand_labels_hold_out_the_asked_share_and_no_more_than_the_limit(
    rows_each: int, share: float, most: int, asked: int
) -> None:
    labels = [f"label {number % 1000}" for number in range(1000 * rows_each)]
    rows = held_out(
        [f"row {number}" for number in range(len(labels))], labels, validation_share=share, max_validation_rows=most
    )
    assert len(rows) == asked
    assert set(Counter(labels[row] for row in rows).values()) == {1}


def test_few_labels_are_all_held_out_even_if_that_is_a_little_more_than_the_share() -> None:
    labels = ["a"] * 10 + ["b"] * 10 + ["c"] * 2
    assert {labels[row] for row in held_out([f"row {number}" for number in range(22)], labels)} == {"a", "b", "c"}


def test_rounding_holds_out_no_more_than_the_limit() -> None:
    labels = [f"label {number % 77}" for number in range(77 * 130)]
    assert len(held_out([f"row {number}" for number in range(len(labels))], labels)) == 200


def test_rows_with_the_same_input_are_in_one_part() -> None:
    inputs = [f"{'  ' * (number % 2)}Zürich {number // 2}" for number in range(200)]
    inputs = [unicodedata.normalize(("NFC", "NFD")[number % 3 == 0], text) for number, text in enumerate(inputs)]
    table = table_of(text=inputs, label=[("a", "b")[number // 2 % 2] for number in range(200)])
    splits = prepare(table, replace(CONFIG, template="{text}"))
    assert splits.repeated == 200 and [len(part) for part in splits.parts] == [160, 20, 20]
    train, validation, test = [{same_input_key(example.text) for example in part} for part in splits.parts]
    assert not train & validation and not train & test and not validation & test


def test_an_answer_in_many_versions_is_held_out_with_all_of_them() -> None:
    """As in data sets of several references an input."""
    inputs = [f"meaning {number // 8}" for number in range(800)]
    rows = held_out(inputs, [""] * 800)
    assert len(rows) == 80 and set(Counter(inputs[row] for row in rows).values()) == {8}


def test_the_last_rows_of_a_label_are_not_held_out_with_a_copy_that_has_another_label() -> None:
    inputs = [f"row {number}" for number in range(20)] + [f"row {number}" for number in range(20)]
    labels = ["a"] * 20 + ["b"] * 20
    for seed in range(20):
        rows = held_out(inputs, labels, split_seed=seed, validation_share=0.5)
        assert {labels[row] for row in range(40) if row not in rows} == {"a", "b"}


def test_where_each_input_stands_in_many_rows_one_input_is_held_out() -> None:
    inputs = [f"colour {number % 5}" for number in range(100)]
    rows = held_out(inputs, [("a", "b")[number % 2] for number in range(100)])
    assert len(rows) == 20 and len({inputs[row] for row in rows}) == 1


def test_too_few_different_inputs_are_one_sentence() -> None:
    table = table_of(text=["good", "bad"] * 10, label=["a", "b"] * 10)
    with pytest.raises(DataError, match=r"20 rows have too few different inputs \(2\) to hold some out: bring rows"):
        prepare(table, CONFIG)


def test_rows_without_an_input_are_left_out_and_counted() -> None:
    table = table_of(
        text=[f"row {number}" if number % 3 else " " for number in range(60)],
        more=["x" if number % 2 else "" for number in range(60)],
        label=["a" if number % 4 else "" for number in range(59)] + ["b"],
    )
    of_text = prepare(table, replace(CONFIG, template="{text}"))
    assert (of_text.skipped, of_text.without_input, sum(map(len, of_text.parts))) == (15, 15, 30)
    of_both = prepare(table, replace(CONFIG, input_columns=("text", "more")))
    assert (of_both.skipped, of_both.without_input) == (15, 5)
    alike = table_of(text=["good", ""] * 20, label=["a", "b"] * 20)
    with pytest.raises(DataError, match="Every row with an input and a target has the same target, 'a'"):
        prepare(alike, CONFIG)
    nothing = table_of(text=[""] * 20, label=["a", "b"] * 10)
    with pytest.raises(DataError, match=r"only 0 rows with an input and a target \(20 have no input\): at least 10"):
        prepare(nothing, CONFIG)


def test_targets_that_are_all_different_are_no_labels() -> None:
    table = table_of(text=[f"row {number}" for number in range(40)], label=[f"label {number}" for number in range(40)])
    with pytest.raises(DataError, match="Each of the 40 rows has a target of its own, so there are no labels to learn"):
        prepare(table, CONFIG)
