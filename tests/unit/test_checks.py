"""Before the start people are warned of what may spoil the result, with a count and an example."""

from __future__ import annotations

import pytest

from lamp.config import DataConfig
from lamp.data.checks import data_warnings
from lamp.data.splits import prepare
from lamp.errors import DataError
from tests.unit.tables_of import table_of

ROWS = range(60)
TEXTS = [f"the film number {row} was long" for row in ROWS]
TARGETS = [f"an answer of words, {row * 7}" for row in ROWS]


def warnings_of(texts: list[str], targets: list[str]) -> list[str]:
    return data_warnings(prepare(table_of(text=texts, label=targets), DataConfig(("text",), "label")), (), ())


def test_of_good_rows_there_is_nothing_to_say() -> None:
    assert warnings_of(TEXTS, [("bad", "good", "good enough")[row % 3] for row in ROWS]) == []
    assert warnings_of(TEXTS, TARGETS) == []


@pytest.mark.parametrize("alike", ["Good", "GOOD", "ｇｏｏｄ"])
def test_labels_that_differ_by_case_or_form_are_told(alike: str) -> None:
    labels = [("good", "bad", alike)[row % 3] for row in ROWS]
    (warning,) = warnings_of(TEXTS, labels)
    assert warning.startswith("2 labels differ from another one only by case, blanks, Unicode form or a .0")
    assert f"'good' (20 rows) and {alike!r} (20 rows)" in warning


def test_labels_that_differ_by_what_nobody_sees_are_told() -> None:
    (warning,) = warnings_of(TEXTS, [("good", "bad", "good\u200b")[row % 3] for row in ROWS])
    assert "'good' (20 rows) and 'good\\u200b' (20 rows)" in warning


def test_whole_numbers_written_in_two_ways_are_told() -> None:
    (warning,) = warnings_of(TEXTS, [("1", "0", "1.0")[row % 3] for row in ROWS])
    assert "'1' (20 rows) and '1.0' (20 rows)" in warning
    assert warnings_of(TEXTS, [("1", "10", "1.50")[row % 3] for row in ROWS]) == []


def test_a_programs_word_for_nothing_is_told_where_it_is_a_label() -> None:
    (warning,) = warnings_of(TEXTS, [("good", "bad", "NaN")[row % 3] for row in ROWS])
    assert warning.startswith("The label 'NaN' of 20 rows looks like a program's word for nothing")
    assert warnings_of(TEXTS, [("good", "bad", "none")[row % 3] for row in ROWS]) == []


def test_texts_that_were_read_in_a_wrong_encoding_are_told() -> None:
    texts = [
        text.replace("film", "ZÃ¼rich" if row < 20 else "Zürich naïve Ärger")
        for row, text in zip(ROWS, TEXTS, strict=True)
    ]
    (warning,) = warnings_of(texts, TARGETS)
    assert (
        warning.startswith("In 20 of 60 rows UTF-8 was taken for Windows-1252") and "'ZÃ¼rich' for 'Zürich'" in warning
    )


def test_rows_that_an_annotator_did_not_accept_are_left_out_and_told() -> None:
    verdicts = ["reject", "ignore", *["accept"] * 58]
    table = table_of(text=TEXTS, label=["good", "bad"] * 30, answer=verdicts, _task_hash=ROWS)
    splits = prepare(table, DataConfig(("text",), "label"))
    assert sum(map(len, splits.parts)) == 58
    assert data_warnings(splits, (), ()) == ["Some rows are left out: 2 that an annotator rejected or ignored."]


def test_labels_that_differ_by_blanks_are_told() -> None:
    (warning,) = warnings_of(TEXTS, [("very good", "bad", "very  good")[row % 3] for row in ROWS])
    assert "'very good' (20 rows) and 'very  good' (20 rows)" in warning


def test_labels_with_too_few_rows_are_told() -> None:
    (warning,) = warnings_of(TEXTS, ["a"] * 30 + ["b"] * 28 + ["c"] * 2)
    assert warning.startswith("1 of 3 labels has fewer than 3 rows, such as 'c' (2)")
    (warning,) = warnings_of(TEXTS, ["a"] * 30 + ["b"] * 26 + ["c", "d", "e", "f"])
    assert warning.startswith("Most labels have too few rows: 4 of 6 labels have fewer than 3 rows")


def test_a_label_that_nearly_all_rows_have_is_told() -> None:
    (warning,) = warnings_of(TEXTS, ["a"] * 57 + ["b"] * 3)
    assert warning.startswith("95% of the rows have the label 'a'")


def test_rows_that_are_left_out_are_told() -> None:
    texts, targets = [*TEXTS], [*TARGETS]
    texts[3] = targets[5] = targets[6] = " "
    assert warnings_of(texts, targets) == [
        "Some rows are left out: 2 without a target, such as row 6 ('text: the film number 5 was long label:') and 1 "
        "without an input, such as row 4 (target 'an answer of words, 21')."
    ]


def test_repeated_inputs_are_told() -> None:
    (warning,) = warnings_of([*TEXTS[:50], *TEXTS[:10]], TARGETS)
    assert warning.startswith(
        "20 of 60 rows have the same input as another row, such as row 1 ('text: the film number 0 was long label:'): "
    )


def test_rows_that_repeat_the_names_of_the_columns_are_left_out_and_told() -> None:
    labels = [("bad", "good")[row % 2] for row in ROWS]
    splits = prepare(
        table_of(text=[*TEXTS, "text", "text"], label=[*labels, "label", ""]), DataConfig(("text",), "label")
    )
    assert splits.labels == {"bad": 30, "good": 30}
    (warning,) = data_warnings(splits, (), ())
    assert warning == (
        "Some rows are left out: 1 without a target, such as row 62 ('text: text label:') and 1 that hold the names of "
        "the columns."
    )


def test_names_of_the_columns_in_another_order_are_refused_where_they_stand() -> None:
    table = table_of(id=[*ROWS, "label", *ROWS], text=[*TEXTS, "id", *TEXTS], label=[*TARGETS, "text", *TARGETS])
    with pytest.raises(
        DataError, match="Row 61 has the names of the columns in another order \\('label', 'id', 'text'"
    ):
        prepare(table, DataConfig(("id", "text"), "label"))


@pytest.mark.parametrize("text", ["Total", "TOTAL", "Grand total", "Summe"])
def test_a_last_row_that_seems_to_be_a_sum_is_told(text: str) -> None:
    (warning,) = warnings_of([*TEXTS, text], [*TARGETS, "1,234"])
    assert f"The last row, 'text: {text} label:' with the target '1,234', seems to sum up the others" in warning
    assert warnings_of([*TEXTS, f"{text} nonsense"], [*TARGETS, "an answer"]) == []


def test_rows_that_are_held_out_too_are_told() -> None:
    config = DataConfig(("text",), "label")
    table = table_of(text=TEXTS, label=TARGETS)
    test = table_of(text=TEXTS[7:9], label=TARGETS[7:9])
    (warning,) = data_warnings(prepare(table, config, test=test), (), ())
    assert ": 2, such as row 8 ('text: the film number 7 was long label:')." in warning
    validation = table_of(text=[*TEXTS[8:9], "a film of its own"], label=TARGETS[:2])
    splits = prepare(table_of(text=TEXTS[10:], label=TARGETS[10:]), config, validation, test)
    (warning,) = data_warnings(splits, (), ())
    assert ": 1, such as row 1 ('text: the film number 8 was long label:')." in warning


def test_a_target_that_stands_in_its_input_is_told() -> None:
    texts = [f"{text}: {target}" for text, target in zip(TEXTS, TARGETS, strict=True)]
    (warning,) = warnings_of(texts, TARGETS)
    assert warning.startswith("In 60 of 60 rows the target stands in the input, such as 'an answer of words, 0'")
    labels = [("bad", "good")[row % 2] for row in ROWS]
    (warning,) = warnings_of([f"{text}, {label}" for text, label in zip(TEXTS, labels, strict=True)], labels)
    assert "the target stands in the input" in warning


def test_labels_that_every_input_names_are_no_leak() -> None:
    assert warnings_of([f"good or bad? {text}" for text in TEXTS], [("bad", "good")[row % 2] for row in ROWS]) == []


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("write to Ada.Lovelace+x@mail.example.org, please", "an e-mail address"),
        ("card 4111 1111 1111 1111, thanks", "a card number"),
        ("card 378282246310005.", "a card number"),
        ("export HF_TOKEN=hf_" + "aB3" * 12, "a key, token or password"),
        ("AKIA" + "IOSFODNN7EXAMPLE is mine", "a key, token or password"),
        ("my password: hunter2hunter2", "a key, token or password"),
        ("-----BEGIN RSA PRIVATE KEY-----", "a key, token or password"),
    ],
)
def test_secrets_and_personal_data_are_told_and_not_repeated(cell: str, kind: str) -> None:
    for texts, targets in (([cell, *TEXTS[1:]], TARGETS), (TEXTS, [cell, *TARGETS[1:]])):
        (warning,) = warnings_of(texts, targets)
        assert warning.startswith(f"In 1 of 60 rows there is what looks like {kind}, such as '")
        assert cell not in warning


@pytest.mark.parametrize(
    "cell",
    [
        "order 4111 1111 1111 1112",
        "the years 2001 2002 2003 2004",
        "0000000000000000",
        "a token: it counts words",
        "see @ada or sk-ill and 3 @ 5.00",
        "1234-5678",
    ],
)
def test_what_only_resembles_a_secret_is_not_told(cell: str) -> None:
    assert warnings_of([cell, *TEXTS[1:]], TARGETS) == []


def test_of_very_many_rows_some_are_searched_and_the_number_is_scaled_up() -> None:
    texts = [f"row {row} by p{row}@example.org" for row in range(12_000)]
    (warning,) = warnings_of(texts, [f"an answer, {row * 7}" for row in range(12_000)])
    assert warning.startswith("In about 12,000 of 12,000 rows there is what looks like an e-mail address")
