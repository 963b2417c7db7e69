"""JSON and JSON Lines: what is read, and the one sentence for what is not."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

import lamp.data.tables.json_parse
from lamp.data.tables import Table, read_table
from lamp.data.tables.json_parse import LISTS_NOTE
from lamp.data.tables.layout import NO_NAMES
from tests.unit.tables.files import ROWS, Pack, Write, refusal


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
        (
            "a.json",
            '[{"a": "1", "tags": "2"}, {"a": "3", "tags": [["4"]]}]',
            "besides 'tags' (lists of lists, as on row 2): turn these into texts",
        ),
        ("a.jsonl", '{"a": "1", "tags": [{"b": "c"}]}\n', "besides 'tags' (lists of objects, as on line 1)"),
        ("a.jsonl", '{"a": 1, "b.c": 2, "b": {"c": 3}}\n', "has the column 'b.c' twice on line 1"),
        ("a.jsonl", '{"a": 1, "b": ' + '{"c":' * 30 + "1" + "}" * 31 + "\n", "is nested too deeply on line 1"),
        ("a.json", '[["a", "b"], ["c"]]', "has 1 cells in row 2 where the first one has 2"),
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


def test_a_json_column_that_is_no_text_is_left_out_and_named(write: Write) -> None:
    rows = [
        {"text": f"t{number}", "tags": "x" if number < 9000 else [{"b": 1}], "label": "a"} for number in range(9100)
    ]
    rows[9050]["late"] = "y"  # a column that appears when rows are written already
    table = read_table(write("a.jsonl", "\n".join(map(json.dumps, rows))))
    assert table.columns == ("text", "label", "late") and len(table.rows) == 9100
    assert table.rows[9050] == {"text": "t9050", "label": "a", "late": "y"}
    assert table.notes == ("What cannot be read as text is left out: 'tags' (lists of objects, as on line 9001).",)


def test_a_json_document_of_nothing_but_brackets_is_refused_before_it_is_parsed(write: Write) -> None:
    said = refusal(write("a.json", '{"data": [' + "[]," * lamp.data.tables.json_parse.MAX_BRACKETS + "[]]}"))
    assert "has more than 10,000,000 brackets" in said


ODD_NAMES = ["a/b", "c~d", 'e"f', "g.h", "$", "i'j", "0", "é\\", "*"]


@pytest.mark.parametrize("last", ['"x"', "1", "1.50", "-0", "null"])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_names_may_hold_any_character_whatever_the_values_are(write: Write, name: str, last: str) -> None:
    row = "{" + ", ".join(f"{json.dumps(odd)}: {json.dumps(odd * 2)}" for odd in ODD_NAMES) + f', "last": {last}}}'
    text = f"[{row}, {row}]" if name == "a.json" else f"{row}\n{row}\n"
    expected = {odd: odd * 2 for odd in ODD_NAMES} | {"last": "" if last == "null" else last.strip('"')}
    assert read_table(write(name, text)).rows == [expected] * 2


def test_rows_that_are_not_alike_or_hold_other_numbers_are_read_as_written(write: Write) -> None:
    long = "12345678901234567890"
    rows = ['{"a": "1", "b": 2}', '{"b": 1.10, "a": "x"}', '{"a": "y", "c": true}', f'{{"a": {long}, "b": ""}}']
    expected = [
        {"a": "1", "b": "2", "c": ""},
        {"a": "x", "b": "1.10", "c": ""},
        {"a": "y", "b": "", "c": "true"},
        {"a": long, "b": "", "c": ""},
    ]
    assert read_table(write("a.jsonl", "\n".join(rows))).rows == expected
    assert read_table(write("a.json", f"[{','.join(rows)}]")).rows == expected


def test_a_column_that_first_appears_late_is_empty_before(write: Write) -> None:
    lines = ['{"a": "1", "b": "2"}'] * 9000 + ['{"a": "3", "c": "4"}'] * 9000
    table = read_table(write("a.jsonl", "\n".join(lines)))
    assert table.columns == ("a", "b", "c") and len(table.rows) == 18_000
    assert table.rows[8999:9001] == [{"a": "1", "b": "2", "c": ""}, {"a": "3", "b": "", "c": "4"}]


@pytest.mark.parametrize(
    "document",
    [
        '{"text": ["good film", "dull, long"], "label": ["yes", "no"]}',
        '{"text": {"0": "good film", "1": "dull, long"}, "label": {"0": "yes", "1": "no"}}',
        '{"0": {"text": "good film", "label": "yes"}, "1": {"text": "dull, long", "label": "no"}}',
        '{"columns": ["text", "label"], "index": [0, 1], "data": [["good film", "yes"], ["dull, long", "no"]]}',
        '{"schema": {}, "data": [{"text": "good film", "label": "yes"}, {"text": "dull, long", "label": "no"}]}',
        '{"count": 2, "examples": [{"text": "good film", "label": "yes"}, {"text": "dull, long", "label": "no"}]}',
        '{\n "text": "good film",\n "label": "yes"\n}\n{\n "text": "dull, long",\n "label": "no"\n}\n',
        '{"text": "good film", "label": "yes"}{"text": "dull, long", "label": "no"}',
        '[["text", "label"], ["good film", "yes"], ["dull, long", "no"]]',
        '{"rows": [["text", "label"], ["good film", "yes"], ["dull, long", "no"]]}',
    ],
)
def test_a_table_is_read_from_every_usual_shape_of_json(write: Write, document: str) -> None:
    for name in ("a.json", "a.jsonl") if document.startswith("{\n") else ("a.json",):
        assert read_table(write(name, document)) == Table(("text", "label"), ROWS)


def test_columns_of_different_lengths_are_refused(write: Write) -> None:
    assert "columns of different lengths" in refusal(write("a.json", '{"text": ["a", "b"], "label": ["c"]}'))
    assert 'has a row in "data" that is longer or shorter' in refusal(
        write("a.json", '{"columns": ["a", "b"], "data": [["c", "d"], ["e"]]}')
    )


def test_rows_that_are_lists_without_names_of_columns_are_all_rows(write: Write) -> None:
    table = read_table(write("a.json", '[["good film", "yes"], ["dull, long", 1.50]]'))
    assert table.columns == ("column 1", "column 2") and table.notes == (NO_NAMES,)
    assert [list(row.values()) for row in table.rows] == [["good film", "yes"], ["dull, long", "1.50"]]


@pytest.mark.parametrize(
    "document",
    [
        '{"k1": {"text": "good film", "label": "yes"}, "k2": {"text": "dull, long", "label": "no"}}',
        '{"text": {"k1": "good film", "k2": "dull, long"}, "label": {"k1": "yes", "k2": "no"}}',
    ],
)
def test_rows_and_columns_may_stand_under_ids(write: Write, document: str) -> None:
    rows = [{"id": f"k{number}", **row} for number, row in enumerate(ROWS, start=1)]
    assert read_table(write("a.json", document)) == Table(("id", "text", "label"), rows)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_objects_in_a_row_are_columns_and_lists_are_lines(write: Write, name: str) -> None:
    row = {"question": "Who?", "answers": {"text": ["Ada", "she"], "at": [1, 2], "more": {"sure": True}}, "none": []}
    text = json.dumps([row] * 2) if name == "a.json" else f"{json.dumps(row)}\n" * 2
    table = read_table(write(name, text))
    cells = {"question": "Who?", "answers.text": "Ada\nshe", "answers.at": "1\n2", "answers.more.sure": "true"}
    assert table.rows == [cells | {"none": ""}] * 2 and table.notes == (LISTS_NOTE,)
