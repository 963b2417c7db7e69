"""Parquet: what is read, and the one sentence for what is not."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lamp.data.tables import read_table
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


@pytest.mark.parametrize("values, kind", [([["a"]], "lists or objects"), ([{"x": 1}], "lists or objects")])
def test_a_parquet_column_of_lists_or_objects_is_named(
    pack: Pack,
    values: list[object],
    kind: str,
) -> None:
    assert f"has {kind} in column 'tags'" in refusal(pack({"text": ["a"], "tags": values}))


def test_a_parquet_column_of_bytes_that_are_no_text_is_named(pack: Pack) -> None:
    assert "has a column 'picture' of binary values" in refusal(pack({"text": ["a"], "picture": [b"\x89\xff"]}))


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
