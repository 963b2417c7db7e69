"""JSON and JSON Lines: what is read, and the one sentence for what is not."""

from __future__ import annotations

import pyarrow as pa
import pytest

import lamp.data.tables.json_parse
from lamp.data.tables import Table, read_table
from tests.unit.tables.files import Pack, Write, refusal


def test_json_numbers_keep_the_digits_that_were_written(write: Write) -> None:
    huge = "9" * 5000
    text = f'[{{"a": 1.50, "b": -0, "c": 1e400, "d": {huge}, "e": true, "f": false, "g": null, "h": NaN}}]'
    assert list(read_table(write("a.json", text)).rows[0].values()) == [
        "1.50",
        "-0",
        "1e400",
        huge,
        "true",
        "false",
        "",
        "",
    ]


def test_rows_of_json_may_lack_names_and_columns_come_in_the_order_they_appear(write: Write) -> None:
    table = read_table(write("a.jsonl", '{"b": "1"}\n{"a": "2", "b": "3"}\n'))
    assert table == Table(("b", "a"), [{"b": "1", "a": ""}, {"b": "3", "a": "2"}])


def test_doubled_column_names_are_refused_in_json_and_parquet(write: Write, pack: Pack) -> None:
    assert "the name 'a' twice" in refusal(write("a.json", '[{"a": "1", "b": "2", "a": "3"}]'))
    doubled = pa.Table.from_arrays([pa.array(["1"])] * 3, names=["a", "b", "a"])
    assert "has 2 columns called 'a'" in refusal(pack(doubled))


@pytest.mark.parametrize(
    "name, content, expected",
    [
        ("a.json", '[{"a": "b"},\n {"a" "c"}]', "on line 2, column 7 (expecting ':' delimiter)"),
        ("a.json", '[{"a": "b"', "on line 1, column 11"),
        ("a.json", '[{"a": "b"}] x', "on line 1, column 14 (extra data)"),
        ("a.jsonl", '{"a": "1", "b": "2"}\n\n{"a": "3", "b": }\n', "on line 3, column 17 (expecting value)"),
        ("a.json", '{"a": "1", "b": "2"}\n{"a": "3", "b": }\n', "on line 2, column 17 (expecting value)"),
    ],
)
def test_a_mistake_in_json_is_named_by_its_line_and_column(
    write: Write,
    name: str,
    content: str,
    expected: str,
) -> None:
    assert f"has a mistake in its JSON {expected}" in refusal(write(name, content))


@pytest.mark.parametrize(
    "name, content, expected",
    [
        ("a.json", '"text"', "does not hold a list of rows"),
        ("a.json", '{"data": {"a": "b"}}', "does not hold a list of rows"),
        ("a.json", '[{"a": "1", "b": "2"}, ["3", "4"]]', "has no object on row 2"),
        ("a.jsonl", '{"a": "1", "b": "2"}\n7\n', "has no object on line 2"),
        ("a.json", '[{"a": "1", "tags": "2"}, {"a": "3", "tags": ["4"]}]', "has a list in column 'tags' on row 2"),
        ("a.jsonl", '{"a": "1", "tags": {"b": "c"}}\n', "has an object in column 'tags' on line 1"),
        ("a.json", '[{"a": "1", "b": "\\ud83d"}]', "half a character (a lone surrogate) in column 'b' on row 1"),
        ("a.jsonl", '{"\\udc00": 1, "b": "c"}', r"half a character (a lone surrogate) in column '\udc00' on line 1"),
        ("a.json", "[]", "holds no rows"),
        ("a.json", '{"data": []}', "holds no rows"),
        ("a.json", "[{}]", "holds no rows"),
        ("a.json", "[" * 200_000, "is nested too deeply"),
        ("a.jsonl", '{"a": 1, "b": ' + '{"c":' * 200_000, "is nested too deeply"),
    ],
)
def test_json_that_is_no_table_of_texts_is_refused(write: Write, name: str, content: str, expected: str) -> None:
    assert expected in refusal(write(name, content))


def test_a_json_document_of_nothing_but_brackets_is_refused_before_it_is_parsed(write: Write) -> None:
    said = refusal(write("a.json", '{"data": [' + "[]," * lamp.data.tables.json_parse.MAX_BRACKETS + "[]]}"))
    assert "has more than 10,000,000 brackets" in said
