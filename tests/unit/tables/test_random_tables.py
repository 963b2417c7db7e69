"""Any text survives being written and read, and any bytes are a table or one sentence."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from lamp.data.tables import Table, read_table
from lamp.errors import DataError

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=8)
)
MANY = settings(max_examples=75, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# csv.writer leaves a lone CR bare unless it ends lines with one, and a bare CR ends a line for every reader.
WRITERS = [("\r\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_ALL), ("\n", csv.QUOTE_ALL)]


def table_of(rows: list[list[str]]) -> Table:
    columns = tuple(f"column {letter}" for letter in "abcd"[: len(rows[0])])
    return Table(columns, [dict(zip(columns, row, strict=True)) for row in rows])


@pytest.mark.parametrize("suffix, delimiter", [("csv", ","), ("csv", ";"), ("tsv", "\t")])
@given(rows=TABLES, dialect=st.sampled_from(WRITERS), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
@MANY
def test_any_text_survives_the_way_through_csv(
    tmp_path: Path,
    suffix: str,
    delimiter: str,
    rows: list[list[str]],
    dialect: tuple[str, Any],
    encoding: str,
) -> None:
    table = table_of([row for row in rows if any(map(str.strip, row))] or [["x"] * len(rows[0])])
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=dialect[0], quoting=dialect[1])
    writer.writerows([table.columns, *(row.values() for row in table.rows)])
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(file.getvalue().encode(encoding))
    notes = ("Read as UTF-16.",) if encoding == "utf-16" else ()
    assert read_table(path) == replace(table, notes=notes)


@pytest.mark.parametrize("suffix, layout, separator", [("json", "[{}]", ","), ("jsonl", "{}", "\n")])
@given(rows=TABLES, escaped=st.booleans())
@MANY
def test_any_text_survives_the_way_through_json(
    tmp_path: Path,
    suffix: str,
    layout: str,
    separator: str,
    rows: list[list[str]],
    escaped: bool,
) -> None:
    table = table_of(rows)
    lines = [json.dumps(row, ensure_ascii=escaped) for row in table.rows]
    path = tmp_path / f"a.{suffix}"
    path.write_text(layout.format(separator.join(lines)), encoding="utf-8", newline="")
    assert read_table(path) == table


@given(rows=TABLES, group=st.integers(1, 3), compression=st.sampled_from(["none", "snappy", "zstd"]))
@MANY
def test_any_text_survives_the_way_through_parquet(
    tmp_path: Path,
    rows: list[list[str]],
    group: int,
    compression: str,
) -> None:
    table = table_of(rows)
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.Table.from_pylist(list(table.rows)), path, row_group_size=group, compression=compression)
    assert read_table(path) == table


@given(
    data=st.binary(max_size=200),
    head=st.sampled_from([b"", b"text,label\n", b'[{"a": "b"', b'{"', b"PAR1"]),
    suffix=st.sampled_from(["csv", "tsv", "json", "jsonl", "parquet"]),
)
@MANY
def test_any_bytes_are_a_table_or_one_sentence(tmp_path: Path, data: bytes, head: bytes, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(head + data)
    try:
        table = read_table(path)
    except DataError as error:
        assert str(error).startswith(f"'a.{suffix}' ") and str(error).endswith(".") and "\n" not in str(error)
    else:
        assert len(table.columns) >= 2 and all(tuple(row) == table.columns for row in table.rows)
