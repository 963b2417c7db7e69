"""What the table reader takes, and the one sentence it gives for what it does not take."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

import lamp.data.tables.checks
import lamp.data.tables.delimited
import lamp.data.tables.json_rows
import lamp.data.tables.parquet
import lamp.data.tables.read
from lamp.data.tables import Table, read_table
from lamp.errors import DataError

ROWS = [{"text": "good film", "label": "yes"}, {"text": "dull, long", "label": "no"}]
Write = Callable[[str, bytes | str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, content: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def pack(tmp_path: Path) -> Callable[..., Path]:
    def pack(columns: dict[str, object] | pa.Table, **options: object) -> Path:
        path = tmp_path / "packed.parquet"
        parquet.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path, **options)
        return path

    return pack


def refusal(path: Path, name: str = "") -> str:
    """The sentence with which a file is refused; it must be one sentence that starts with the file's name."""
    with pytest.raises(DataError) as caught:
        read_table(path, name)
    said = str(caught.value)
    assert said.startswith(repr(name or path.name))
    assert said.endswith(".") and "\n" not in said and len(said) < 320
    assert not re.search(r"[a-z]\. [A-Z]", said)
    assert str(path.parent) not in said
    return said


# Taken


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.csv", 'text,label\ngood film,yes\n"dull, long",no\n'),
        ("a.CSV", 'text,label\r\ngood film,yes\r\n"dull, long",no'),
        ("a.csv", '\n\n"text",label\n\ngood film,yes\n  \n,\n"dull, long",no\n\n'),
        ("a.csv", "text;label\ngood film;yes\ndull, long;no\n"),
        ("a.csv", '"text";"label"\n"good film";"yes"\n"dull, long";"no"\n'),
        ("a.csv", "text\tlabel\ngood film\tyes\ndull, long\tno\n"),
        ("a.csv", "sep=;\r\ntext;label\r\ngood film;yes\r\ndull, long;no\r\n"),
        ("a.csv", 'text,label,,\ngood film,yes,,\n"dull, long",no,,\n'),
        ("a.csv", 'text,label\rgood film,yes\r"dull, long",no\r'),
        ("a.tsv", "text\tlabel\ngood film\tyes\ndull, long\tno\n"),
        ("a.json", json.dumps(ROWS)),
        ("a.json", json.dumps(ROWS, indent=2)),
        ("a.json", json.dumps({"version": 1, "data": ROWS})),
        ("a.json", "\n".join(map(json.dumps, ROWS))),
        ("a.jsonl", "\n\n".join(map(json.dumps, ROWS)) + "\n"),
        ("a.ndjson", "\r\n".join(map(json.dumps, ROWS))),
    ],
)
def test_the_same_table_is_read_from_every_way_to_write_it(write: Write, name: str, content: str) -> None:
    assert read_table(write(name, content)) == Table(("text", "label"), ROWS)


def test_a_parquet_table_is_read(pack: Callable[..., Path]) -> None:
    assert read_table(pack(pa.Table.from_pylist(ROWS))) == Table(("text", "label"), ROWS)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "name, text",
    [
        ("a.csv", "text,label\nnaïve 😀,ja\n"),
        ("a.json", '[{"text": "naïve 😀", "label": "ja"}]'),
    ],
)
def test_utf_8_and_marked_utf_16_are_read(write: Write, encoding: str, name: str, text: str) -> None:
    mark = "\ufeff" if encoding in {"utf-16-le", "utf-16-be"} else ""
    table = read_table(write(name, (mark + text).encode(encoding)))
    assert table == Table(("text", "label"), [{"text": "naïve 😀", "label": "ja"}])


def test_the_name_decides_the_format_and_not_the_path(write: Write) -> None:
    path = write("upload-1", "text\tlabel\na\tb\n")
    assert read_table(path, "tickets.tsv").rows == [{"text": "a", "label": "b"}]


def test_only_the_last_part_of_a_name_is_shown(write: Write) -> None:
    with pytest.raises(DataError, match=r"^'passwd\.csv' "):
        read_table(write("a", ""), "../../etc/passwd.csv")


def test_line_breaks_and_doubled_quotes_inside_a_cell_are_kept(write: Write) -> None:
    table = read_table(write("a.csv", 'text,label\n"first\r\nsecond ""so""\n",b\n'))
    assert table.rows == [{"text": 'first\r\nsecond "so"\n', "label": "b"}]


def test_a_tsv_whose_writer_never_quotes_keeps_its_quotation_marks(write: Write) -> None:
    table = read_table(write("a.tsv", 'text\tlabel\n"Go on" , he said\ta\n"never closed\tb\n'))
    assert [row["text"] for row in table.rows] == ['"Go on" , he said', '"never closed']


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


def test_parquet_values_become_plain_text(pack: Callable[..., Path]) -> None:
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


def test_a_parquet_file_of_many_row_groups_is_read_whole_and_in_order(pack: Callable[..., Path]) -> None:
    numbers = [str(number) for number in range(1000)]
    table = read_table(pack({"a": numbers, "b": numbers[::-1]}, row_group_size=7))
    assert [row["a"] for row in table.rows] == numbers and table.rows[0]["b"] == "999"


def test_a_cell_of_a_million_characters_is_no_fault(write: Write) -> None:
    assert len(read_table(write("a.csv", f"text,label\n{'x' * 1_000_000},b\n")).rows[0]["text"]) == 1_000_000


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=8)
)
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


# csv.writer leaves a lone CR bare unless it ends lines with one, and a bare CR ends a line for every reader.
WRITERS = [("\r\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_ALL), ("\n", csv.QUOTE_ALL)]


def named(rows: list[list[str]]) -> Table:
    columns = tuple(f"column {letter}" for letter in "abcd"[: len(rows[0])])
    return Table(columns, [dict(zip(columns, row, strict=True)) for row in rows])


@pytest.mark.parametrize("suffix, delimiter", [("csv", ","), ("csv", ";"), ("tsv", "\t")])
@given(rows=TABLES, written=st.sampled_from(WRITERS), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
@MANY
def test_any_text_survives_the_way_through_csv(
    tmp_path: Path,
    suffix: str,
    delimiter: str,
    rows: list[list[str]],
    written: tuple[str, int],
    encoding: str,
) -> None:
    table = named([row for row in rows if any(map(str.strip, row))] or [["x"] * len(rows[0])])
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=written[0], quoting=written[1])
    writer.writerows([table.columns, *(row.values() for row in table.rows)])
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(file.getvalue().encode(encoding))
    assert read_table(path) == table


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
@given(rows=TABLES, escaped=st.booleans())
@MANY
def test_any_text_survives_the_way_through_json(
    tmp_path: Path,
    suffix: str,
    rows: list[list[str]],
    escaped: bool,
) -> None:
    table = named(rows)
    lines = [json.dumps(row, ensure_ascii=escaped) for row in table.rows]
    path = tmp_path / f"a.{suffix}"
    path.write_text("\n".join(lines) if suffix == "jsonl" else f"[{','.join(lines)}]", encoding="utf-8", newline="")
    assert read_table(path) == table


@given(rows=TABLES, group=st.integers(1, 3), compression=st.sampled_from(["none", "snappy", "zstd"]))
@MANY
def test_any_text_survives_the_way_through_parquet(
    tmp_path: Path,
    rows: list[list[str]],
    group: int,
    compression: str,
) -> None:
    table = named(rows)
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


def test_a_parquet_file_with_any_one_byte_changed_is_a_table_or_one_sentence(pack: Callable[..., Path]) -> None:
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


# Refused


@pytest.mark.parametrize("suffix", ["csv", "tsv", "json", "jsonl", "parquet"])
def test_an_empty_file_is_called_empty(write: Write, suffix: str) -> None:
    assert "is empty" in refusal(write(f"a.{suffix}", ""))


@pytest.mark.parametrize("content", [" \n\n\t", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_a_file_of_nothing_but_blanks_is_called_empty(write: Write, content: bytes | str) -> None:
    assert "is empty" in refusal(write("a.csv", content))


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


@pytest.mark.parametrize(
    "name, content, expected",
    [
        ("a.csv", PNG, "is a PNG picture, not what its ending .csv says"),
        ("a.json", PNG, "is a PNG picture, not what its ending .json says"),
        (
            "a.csv",
            b"PK\x03\x04\x14\0xl/workbook.xml",
            "Excel workbook, not what its ending .csv says: open it and save",
        ),
        ("a.parquet", b"PK\x03\x04\x14\0", "zip archive"),
        ("a.tsv", b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel workbook"),
        ("a.csv", b"PAR1\x15\x04", "is a Parquet file, not what its ending .csv says: give it the ending .parquet"),
        ("a.jsonl", b"\x1f\x8b\x08\0", "is packed with gzip, not what its ending .jsonl says: unpack it first"),
        ("a.csv", "%PDF-1.7", "is a PDF document"),
        ("a.csv", "\n<!DOCTYPE html><html>", "is a web page or XML"),
        ("a.csv", '[{"text": "a", "label": "b"}]', "holds JSON, not what its ending .csv says"),
        ("a.tsv", '{"text": "a", "label": "b"}\n', "holds JSON, not what its ending .tsv says"),
        ("a.parquet", "text,label\na,b\n", "is not a Parquet file, whatever its ending says"),
        ("a.parquet", "PAR1 and then something else", "is a Parquet file that cannot be read"),
        ("a.json", "text,label\na,b\n", "does not hold JSON on line 1"),
        ("a.jsonl", "text,label\na,b\n", "does not hold JSON on line 1"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(
    write: Write,
    name: str,
    content: bytes | str,
    expected: str,
) -> None:
    assert expected in refusal(write(name, content))


@pytest.mark.parametrize(
    "name, expected",
    [
        ("a.txt", "ends in '.txt'"),
        ("a", "has no ending"),
        ("a.pickle", "ends in '.pickle'"),
        ("a.xlsx", "is a spreadsheet, which cannot be read: save it as CSV"),
        ("a.csv.gz", "is packed: unpack it"),
    ],
)
def test_an_unknown_ending_is_refused_with_the_five_that_work(write: Write, name: str, expected: str) -> None:
    said = refusal(write(name, "text,label\na,b\n"))
    assert expected in said
    assert all(ending in said for ending in (".csv", ".tsv", ".json", ".jsonl", ".parquet"))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "is not there any more" in refusal(tmp_path / "a.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "is not there any more, or is not a file" in refusal(tmp_path / "folder.csv")


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.csv", "text\na\nb, and c\n"),
        ("a.tsv", "text,label\na,b\n"),
        ("a.csv", "text|label\na|b\n"),
        ("a.json", '[{"text": "a"}]'),
        ("a.jsonl", '{"text": "a"}\n'),
        ("a.csv", "text,\na,\n"),
    ],
)
def test_a_table_of_one_column_is_refused(write: Write, name: str, content: str) -> None:
    assert "has only one column, 'text" in refusal(write(name, content))


def test_a_parquet_table_of_one_column_is_refused(pack: Callable[..., Path]) -> None:
    assert "has only one column, 'text'" in refusal(pack({"text": ["a"]}))


@pytest.mark.parametrize("content", [",", ",,\n,\n", " , \n"])
def test_a_file_of_nothing_but_separators_is_said_to_be_empty_cells(write: Write, content: str) -> None:
    assert "has only empty cells" in refusal(write("a.csv", content))


@pytest.mark.parametrize(
    "header, expected",
    [
        ("text,label,text", "has 2 columns called 'text'"),
        ("text,label, text ", "has 2 columns called 'text'"),
        (",text,label", "has no name for column 1"),
        ("text,  ,label", "has no name for column 2"),
        ("text,{label},c", "has a column called '{label}': a name cannot hold braces"),
        ("text,b," + "x" * 201, "has a name of 201 characters for column 3"),
    ],
)
def test_a_header_that_cannot_name_columns_is_refused(write: Write, header: str, expected: str) -> None:
    assert expected in refusal(write("a.csv", f"{header}\na,b,c\n"))


def test_doubled_column_names_are_refused_in_json_and_parquet(write: Write, pack: Callable[..., Path]) -> None:
    assert "the name 'a' twice" in refusal(write("a.json", '[{"a": "1", "b": "2", "a": "3"}]'))
    doubled = pa.Table.from_arrays([pa.array(["1"])] * 3, names=["a", "b", "a"])
    assert "has 2 columns called 'a'" in refusal(pack(doubled))


@pytest.mark.parametrize(
    "content, line",
    [
        ("text,label\na,b\nc\nd,e\n", 3),
        ("text,label\na,b\n\nd,e,f\n", 4),
        ('text,label\n"a\nb\nc",d\n"e\nf"\n', 5),
        ("sep=,\ntext,label\na,b\nc\n", 4),
    ],
)
def test_a_row_that_does_not_fit_the_header_is_named_by_its_line(write: Write, content: str, line: int) -> None:
    assert re.search(rf"has [13] cells on line {line} where its header has 2: ", refusal(write("a.csv", content)))


@pytest.mark.parametrize(
    "content, expected",
    [
        ('text,label\na,b\n"c,d\ne,f\n', "has a double quote in the row from line 3 on that is never closed"),
        ('text,label\n"a" b,c\n', "has text after a closing double quote in the row from line 2 on"),
    ],
)
def test_a_quote_that_does_not_close_is_named_by_its_line(write: Write, content: str, expected: str) -> None:
    assert expected in refusal(write("a.csv", content))


def test_a_cell_larger_than_the_limit_is_refused(write: Write) -> None:
    said = refusal(write("a.csv", "text,label\na,b\n" + "x" * (lamp.data.tables.delimited.MAX_CELL + 1) + ",c\n"))
    assert "has a cell of more than 10,000,000 characters from line 3 on" in said


def test_broken_utf_8_is_named_by_its_line_and_byte(write: Write) -> None:
    assert "line 3 has the byte 0xE9 in position 4" in refusal(write("a.csv", b"text,label\na,b\ncaf\xe9,d\n"))
    assert "line 1 has the byte 0xE9 in position 2" in refusal(write("a.csv", b"\xef\xbb\xbft\xe9xt,label\na,b\n"))
    assert "is broken UTF-16 at byte 13" in refusal(write("a.csv", "a,b\nc".encode("utf-16") + b"\0"))


def test_nul_bytes_are_named_by_their_line(write: Write) -> None:
    assert "has a NUL byte on line 2" in refusal(write("a.csv", b"text,label\na\0b,c\n"))
    assert "UTF-16 without its mark" in refusal(write("a.csv", "text,label\na,b\n".encode("utf-16-le")))


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
        ("a.json", '{"text": ["a", "b"], "label": ["c", "d"]}', "does not hold a list of rows"),
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


@pytest.mark.parametrize("values, kind", [([["a"]], "lists or objects"), ([{"x": 1}], "lists or objects")])
def test_a_parquet_column_of_lists_or_objects_is_named(
    pack: Callable[..., Path],
    values: list[object],
    kind: str,
) -> None:
    assert f"has {kind} in column 'tags'" in refusal(pack({"text": ["a"], "tags": values}))


def test_a_parquet_column_of_bytes_that_are_no_text_is_named(pack: Callable[..., Path]) -> None:
    assert "has a column 'picture' of binary values" in refusal(pack({"text": ["a"], "picture": [b"\x89\xff"]}))


def test_a_parquet_file_that_was_cut_off_is_refused(pack: Callable[..., Path]) -> None:
    path = pack(pa.Table.from_pylist(ROWS))
    path.write_bytes(path.read_bytes()[:-20])
    assert "is a Parquet file that cannot be read" in refusal(path)


@pytest.mark.parametrize("name, content", [("a.csv", "text,label\n"), ("a.tsv", "text\tlabel\n\n")])
def test_a_header_without_rows_is_refused(write: Write, name: str, content: str) -> None:
    assert "has a header but no rows" in refusal(write(name, content))


def test_a_parquet_header_without_rows_is_refused(pack: Callable[..., Path]) -> None:
    assert "has a header but no rows" in refusal(pack({"a": pa.array([], pa.string()), "b": pa.array([], pa.int64())}))


# Hostile


def test_a_file_above_the_size_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.truncate(300_000_000)
    began = time.monotonic()
    assert "has 300 MB, more than the 200 MB that can be read" in refusal(path)
    assert time.monotonic() - began < 1


def test_too_many_rows_or_cells_are_refused(
    write: Write,
    pack: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wide = [{"a": "1", "b": "2", "c": "3"}] * 6
    paths = [
        write("a.csv", "a,b,c\n" + "1,2,3\n" * 6),
        write("a.json", json.dumps(wide)),
        pack(pa.Table.from_pylist(wide)),
    ]
    assert [len(read_table(path).rows) for path in paths] == [6, 6, 6]
    monkeypatch.setattr(lamp.data.tables.checks, "MAX_CELLS", 17)
    assert all("has more than 17 cells in its 3 columns" in refusal(path) for path in paths)
    monkeypatch.setattr(lamp.data.tables.checks, "MAX_ROWS", 5)
    assert all("has more than 5 rows" in refusal(path) for path in paths)


def test_more_than_a_thousand_columns_are_refused(write: Write, pack: Callable[..., Path]) -> None:
    names = [f"c{number}" for number in range(1001)]
    row = dict.fromkeys(names, "x")
    growing = "\n".join(json.dumps({name: "x"}) for name in names)
    for path in (
        write("a.csv", ",".join(names) + "\n" + ",".join(names)),
        write("a.json", json.dumps([row])),
        write("a.jsonl", growing),
        pack(pa.Table.from_pylist([row])),
    ):
        assert "has more than 1,000 columns" in refusal(path)


def test_a_json_document_of_nothing_but_brackets_is_refused_before_it_is_parsed(write: Write) -> None:
    said = refusal(write("a.json", "[" + "[]," * lamp.data.tables.json_rows.MAX_BRACKETS + "[]]"))
    assert "has more than 10,000,000 brackets" in said


def test_a_parquet_footer_that_announces_too_much_is_refused_before_it_is_unpacked(pack: Callable[..., Path]) -> None:
    same = pa.array(["x" * 1_000_000])
    column = pa.chunked_array([same] * 1100)
    path = pack({"a": column, "b": ["y"] * 1100}, use_dictionary=False, compression="zstd")
    assert path.stat().st_size < 5_000_000
    assert "unpacks to more than 1,000 MB" in refusal(path)


def test_a_small_parquet_file_that_repeats_one_long_text_is_refused_in_little_memory(
    tmp_path: Path,
    pack: Callable[..., Path],
) -> None:
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), ["x" * 1_000_000])
    path = pack({"a": repeated, "b": ["y"] * 100_000}, compression="zstd", dictionary_pagesize_limit=100_000_000)
    assert path.stat().st_size < 1_000_000
    script = tmp_path / "read.py"
    script.write_text(
        "import re, sys\nfrom pathlib import Path\nfrom lamp.errors import DataError\n"
        "from lamp.data.tables import read_table\n"
        "try:\n    read_table(Path(sys.argv[1]))\n"
        "except DataError as error:\n    print(error)\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
    )
    root = Path(lamp.data.tables.read.__file__).parents[3]
    run = subprocess.run(
        [sys.executable, str(script), str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(root)},
    )
    said, kilobytes = run.stdout.splitlines()
    assert "unpacks to more than 1,000 MB" in said and int(kilobytes) < 600_000


def test_importing_the_reader_brings_neither_tensors_nor_arrow() -> None:
    root = Path(lamp.data.tables.read.__file__).parents[3]
    script = (
        "import lamp.data.tables, sys; print(sorted({'torch', 'transformers', 'pyarrow', 'pandas'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(root)}
    )
    assert run.stdout.strip() == "[]"
