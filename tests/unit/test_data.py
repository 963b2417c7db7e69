"""From a table to what the model reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lamp.config import DataConfig
from lamp.data.column_roles import guess_columns
from lamp.data.columns import render
from lamp.data.encoding import Encoder
from lamp.data.splits import prepare
from lamp.data.tables import Table
from lamp.errors import DataError

CONFIG = DataConfig(("text",), "label")


def table(targets: list[str], columns: tuple[str, ...] = ("text", "label")) -> Table:
    return Table(columns, tuple({"text": f"row {number}", "label": target} for number, target in enumerate(targets)))


def test_each_input_column_is_a_line_and_the_target_column_asks() -> None:
    config = DataConfig(("premise", "hypothesis"), "label")
    text, template_suffix = render(config, {"premise": "it rains", "hypothesis": "it is wet", "label": "yes"})
    assert text == "premise: it rains\nhypothesis: it is wet\nlabel:"
    assert template_suffix == "\nlabel:"


def test_a_cell_with_braces_is_not_a_placeholder() -> None:
    config = replace(CONFIG, template="Q: {text} A:")
    assert render(config, {"text": "{label} {0.__class__}", "label": "secret"})[0] == "Q: {label} {0.__class__} A:"


@pytest.mark.parametrize(
    ("template", "text", "suffix"),
    [
        ('{{"text": "{text}"}} ->', '{"text": "good"} ->', '"} ->'),
        ("{{{text}}}", "{good}", "}"),
        ("{{text}} {text}", "{text} good", ""),
        ("{text}: {{}}", "good: {}", ": {}"),
        ("} {text} {", "} good {", " {"),
    ],
)
def test_a_doubled_brace_in_a_template_is_a_brace(template: str, text: str, suffix: str) -> None:
    assert render(replace(CONFIG, template=template), {"text": "good", "label": "x"}) == (text, suffix)


@pytest.mark.parametrize(
    ("targets", "sentence"),
    [
        ([""] * 20, "'label' is empty in every row"),
        (["yes"] * 20, "Every row has the same target, 'yes'"),
        (["yes", "no"] * 4, "only 8 rows: at least 10"),
        (["yes", "no"] * 4 + [""] * 9, r"only 8 rows with a target \(9 have none\)"),
    ],
)
def test_what_cannot_be_learned_from_is_one_sentence(targets: list[str], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        prepare(table(targets), CONFIG)


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(DataError, match="no column 'txt'; it has 'text', 'label'"):
        prepare(table(["a", "b"] * 10), DataConfig(("txt",), "label"))


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{label} is", "names {label}, which is not an input column"),
        ('{"text": {text}, "x": {}}', "names {}, which is not an input column: .* double both braces"),
        ("{{text}}", "names no input column"),
        ("nothing", "names no input column"),
    ],
)
def test_a_template_must_name_input_columns(template: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        prepare(table(["a", "b"] * 10), replace(CONFIG, template=template))


def test_few_distinct_short_targets_are_labels_most_frequent_first() -> None:
    splits = prepare(table(["b"] * 10 + ["a"] * 20), CONFIG)
    assert splits.task == "classification"
    assert list(splits.labels.items()) == [("a", 20), ("b", 10)]


def test_many_distinct_targets_are_written_out() -> None:
    splits = prepare(table([f"answer {number}" for number in range(30)]), CONFIG)
    assert splits.task == "generation"
    assert splits.labels == {}


def test_the_split_is_the_same_each_time_and_holds_out_every_label() -> None:
    rows = table(["a"] * 50 + ["b"] * 50 + ["c"] * 5)
    one, two = prepare(rows, CONFIG), prepare(rows, CONFIG)
    assert one == two
    assert all({example.target for example in part} == {"a", "b", "c"} for part in one.parts)
    texts = [{example.text for example in part} for part in one.parts]
    assert len(set().union(*texts)) == 105, "no row is in two parts"
    assert sum(map(len, one.parts)) == 105
    assert prepare(rows, replace(CONFIG, split_seed=1)).validation != one.validation


def test_no_more_rows_are_held_out_than_are_scored() -> None:
    splits = prepare(table(["a", "b"] * 500), replace(CONFIG, max_validation_rows=40))
    assert len(splits.validation) == 40


@pytest.mark.parametrize(
    ("columns", "target"),
    [
        (("id", "text", "label"), "label"),
        (("sentiment", "review"), "sentiment"),
        (("a", "b", "c"), "c"),
    ],
)
def test_the_target_column_is_guessed(columns: tuple[str, ...], target: str) -> None:
    rows = [{column: str(row) if column == "id" else f"{column} {row}" for column in columns} for row in range(20)]
    guess = guess_columns(Table(columns, rows))
    assert guess.target_column == target
    assert target not in guess.input_columns
    assert "id" not in guess.input_columns


def test_a_long_input_loses_its_middle_never_the_templates_tail_or_the_target(tiny_llama: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_llama)
    config = replace(CONFIG, max_input_tokens=24)
    encoder = Encoder(tokenizer, is_encoder_decoder=False, config=config)
    rows = tuple(
        {"text": f"{number} " + "good film " * 100, "label": ("yes", "no")[number % 2]} for number in range(20)
    )
    splits = prepare(Table(("text", "label"), rows), config)
    encoded = encoder.encode(splits.train)
    assert encoder.truncated == len(splits.train)
    assert {len(row.input_ids) for row in encoded} == {24}
    assert all(tokenizer.decode(list(row.input_ids)).endswith("\nlabel:") for row in encoded)
    assert all(tokenizer.decode(list(row.target_ids[:-1])).strip() in {"yes", "no"} for row in encoded)
    assert all(row.target_ids[-1] == tokenizer.eos_token_id for row in encoded)
