"""Parquet: what is read, and the one sentence for what is not."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lamp.data.tables import read_table
from lamp.data.tables.json_parse import LISTS_NOTE
from lamp.errors import DataError
from tests.unit.tables.files import ROWS, Pack, refusal


def test_parquet_values_become_plain_text(pack: Pack) -> None:
    table = read_table(
        pack(
            {
                "whole": [7, None],
                "part": [0.5, float("nan")],
                "yes": [True, False],
                "kind": pa.array(["x", None]).dictionary_encode(),
                "code": pa.array([4, 5]).dictionary_encode(),
                "day": pa.array([0, 1], pa.date32()),
                "none": pa.nulls(2),
                "a.b": ["nan", " "],
            }
        )
    )
    assert [list(row.values()) for row in table.rows] == [
        ["7", "0.5", "true", "x", "4", "1970-01-01", "", "nan"],
        ["", "", "false", "", "5", "1970-01-02", "", " "],
    ]


def test_a_parquet_file_of_many_row_groups_is_read_whole_and_in_order(pack: Pack) -> None:
    numbers = [str(number) for number in range(1000)]
    table = read_table(pack({"a": numbers, "b": numbers[::-1]}, row_group_size=7))
    assert [row["a"] for row in table.rows] == numbers and table.rows[0]["b"] == "999"


def test_a_parquet_table_of_one_column_is_refused(pack: Pack) -> None:
    assert "has only one column, 'text'" in refusal(pack({"text": ["a"]}))


def test_objects_and_lists_of_values_in_parquet_are_read_as_in_json(pack: Pack) -> None:
    rows = [{"s": {"a": 1, "b": {"c": "x"}}, "l": ["a", None, "b"], "f": [0.5, float("nan")]}, {}]
    kinds = pa.schema(
        [
            ("s", pa.struct([("a", pa.int64()), ("b", pa.struct([("c", pa.string())]))])),
            ("l", pa.large_list(pa.string())),
            ("f", pa.list_(pa.float32(), 2)),
        ]
    )
    table = read_table(pack(pa.Table.from_pylist(rows, kinds)))
    assert table.rows == [
        {"s.a": "1", "s.b.c": "x", "l": "a\n\nb", "f": "0.5\n"},
        {"s.a": "", "s.b.c": "", "l": "", "f": ""},
    ]
    assert table.notes == (LISTS_NOTE,)


OBJECTS, LISTS, BYTES = [[{"x": 1}]], [[["a"]]], [b"\x89\xff"]


@pytest.mark.parametrize(
    "values, holds",
    [
        (OBJECTS, "'tags' (lists of objects)"),
        (LISTS, "'tags' (lists of lists)"),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "'tags' (lists of objects)"),
        (BYTES, "'tags' (binary values)"),
        ([BYTES], "'tags' (binary values)"),
        ([{"path": "a.png", "bytes": BYTES[0]}], "'tags.bytes' (binary values)"),
    ],
)
def test_a_parquet_column_that_is_no_text_is_left_out_and_named(pack: Pack, values: object, holds: str) -> None:
    table = read_table(pack({"text": ["a"], "tags": values, "label": ["b"]}))
    assert table.notes == (f"What cannot be read as text is left out: {holds}.",)
    assert [table.rows[0][name] for name in ("text", "label")] == ["a", "b"]


def test_a_parquet_file_with_one_column_of_text_says_which_others_are_none(pack: Pack) -> None:
    columns = {f"tags{number}": OBJECTS for number in range(9)}
    said = refusal(pack({"text": ["a"], **columns}))
    assert "has fewer than two columns of text, one to read and one to answer, besides 'tags0' (lists of obj" in said
    assert "'tags4' (lists of objects), 4 more: turn these into texts." in said


def test_a_parquet_file_that_was_cut_off_is_refused(pack: Pack) -> None:
    path = pack(pa.Table.from_pylist(ROWS))
    path.write_bytes(path.read_bytes()[:-20])
    assert "is a Parquet file that cannot be read" in refusal(path)


def test_a_parquet_header_without_rows_is_refused(pack: Pack) -> None:
    assert "has a header but no rows" in refusal(pack({"a": pa.array([], pa.string()), "b": pa.array([], pa.int64())}))


@pytest.mark.slow
def test_a_parquet_file_with_any_one_byte_changed_is_a_table_or_one_sentence(pack: Pack) -> None:
    path = pack({"a": ["x", "y", "z"] * 4, "b": list(range(12))}, compression="none")
    whole = path.read_bytes()
    tables = 0
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            table = read_table(path)
        except DataError as error:
            assert str(error).startswith("'packed.parquet' ") and "\n" not in str(error)
        else:
            tables += 1
            assert all(isinstance(cell, str) for row in table.rows for cell in row.values())
    assert 0 < tables < len(whole)
