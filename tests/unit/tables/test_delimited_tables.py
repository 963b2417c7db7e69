"""CSV and TSV: what is read, and the one sentence for what is not."""

from __future__ import annotations

import re

import pytest

import lamp.data.tables.dialects
from lamp.data.tables import read_table
from tests.unit.tables.files import Write, refusal


def test_line_breaks_and_doubled_quotes_inside_a_cell_are_kept(write: Write) -> None:
    table = read_table(write("a.csv", 'text,label\n"first\r\nsecond ""so""\n",b\n'))
    assert table.rows == [{"text": 'first\r\nsecond "so"\n', "label": "b"}]


def test_a_tsv_whose_writer_never_quotes_keeps_its_quotation_marks(write: Write) -> None:
    table = read_table(write("a.tsv", 'text\tlabel\n"Go on" , he said\ta\n"never closed\tb\n'))
    assert [row["text"] for row in table.rows] == ['"Go on" , he said', '"never closed']


def test_a_cell_of_a_million_characters_is_no_fault(write: Write) -> None:
    assert len(read_table(write("a.csv", f"text,label\n{'x' * 1_000_000},b\n")).rows[0]["text"]) == 1_000_000


@pytest.mark.parametrize("content", [",", ",,\n,\n", " , \n"])
def test_a_file_of_nothing_but_separators_is_said_to_be_empty_cells(write: Write, content: str) -> None:
    assert "has only empty cells" in refusal(write("a.csv", content))


@pytest.mark.parametrize(
    "header, expected",
    [
        ("text,label,text", "has 2 columns called 'text'"),
        ("text,label, text ", "has 2 columns called 'text'"),
        ("text,  ,label", "has no name for column 2"),
        ("text,{label},c", "has a column called '{label}': a name cannot hold braces"),
        ("text,b," + "x" * 201, "has a name of 201 characters for column 3"),
    ],
)
def test_a_header_that_cannot_name_columns_is_refused(write: Write, header: str, expected: str) -> None:
    assert expected in refusal(write("a.csv", f"{header}\na,b,c\n"))


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
        ('text,label\n"a" "b",c\n', "has text after a closing double quote in the row from line 2 on"),
    ],
)
def test_a_quote_that_does_not_close_is_named_by_its_line(write: Write, content: str, expected: str) -> None:
    assert expected in refusal(write("a.csv", content))


def test_a_cell_larger_than_the_limit_is_refused(write: Write) -> None:
    said = refusal(write("a.csv", "text,label\na,b\n" + "x" * (lamp.data.tables.dialects.MAX_CELL + 1) + ",c\n"))
    assert "has a cell of more than 10,000,000 characters from line 3 on" in said


def test_broken_utf_8_is_named_by_its_line_and_byte(write: Write) -> None:
    broken = "text,label\nna\u00efve,\u00fcber\n".encode() + b"caf\xe9,d\n"
    assert "line 3 has the byte 0xE9 in position 4" in refusal(write("a.csv", broken))
    assert "line 1 has the byte 0xE9 in position 2" in refusal(write("a.csv", b"\xef\xbb\xbft\xe9xt,label\na,b\n"))
    assert "is broken UTF-16 at byte 13" in refusal(write("a.csv", "a,b\nc".encode("utf-16") + b"\0"))


def test_nul_bytes_are_named_by_their_line(write: Write) -> None:
    assert "has a NUL byte on line 2" in refusal(write("a.csv", b"text,label\na\0b,c\n"))
    assert "UTF-16 without its mark" in refusal(write("a.csv", "text,label\na,b\n".encode("utf-16-le")))


@pytest.mark.parametrize("name, content", [("a.csv", "text,label\n"), ("a.tsv", "text\tlabel\n\n")])
def test_a_header_without_rows_is_refused(write: Write, name: str, content: str) -> None:
    assert "has a header but no rows" in refusal(write(name, content))
