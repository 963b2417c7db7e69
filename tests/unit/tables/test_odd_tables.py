"""CSV and TSV in odd dialects: the reading under which every line of the file fits, or one sentence."""

from __future__ import annotations

import pytest

from lamp.data.tables import read_table
from tests.unit.tables.files import ROWS, Write, refusal

MORE = "".join(f"row {number}\t{'neg' if number % 2 else 'pos'}\n" for number in range(12))


@pytest.mark.parametrize("name, delimiter", [("a.tsv", "\t"), ("a.csv", "\t"), ("a.csv", ","), ("a.csv", ";")])
def test_quotation_marks_of_prose_that_would_swallow_lines_stay_in_the_cells(
    write: Write, name: str, delimiter: str
) -> None:
    content = ('text\tlabel\n"I liked it\tpos\nit was bad"\tneg\n' + MORE).replace("\t", delimiter)
    rows = read_table(write(name, content)).rows
    assert len(rows) == 14
    assert rows[:2] == [{"text": '"I liked it', "label": "pos"}, {"text": 'it was bad"', "label": "neg"}]


@pytest.mark.parametrize(
    "content",
    [
        'text,label\n"I liked it, much\nmore",pos\n',  # a blank after the comma: prose
        '"text","label"\n"a,b\nc",d\n"e,f\ng",h\n',  # a quoted header
        'text,label\n",\na,b",d\n',  # a quotation mark alone is no text
        'text,label\r\n"a,b\nc",d\r\n',  # a line end that the file's own lines do not have
    ],
)
def test_a_quoted_cell_of_several_lines_stays_one_cell_where_each_line_would_fit_by_itself(
    write: Write, content: str
) -> None:
    assert "\n" in read_table(write("a.csv", content)).rows[0]["text"]


def test_a_table_in_which_quotation_marks_may_or_may_not_join_lines_is_refused_by_line(write: Write) -> None:
    said = refusal(write("a.tsv", 'text\tlabel\n"Great!"\tpos\n"I liked it\tpos\nit was bad"\tneg\n' + MORE))
    assert "has double quotes from line 3 on that may join several lines into one cell" in said


@pytest.mark.parametrize(
    "name, content, columns, first",
    [
        ("a.csv", "Betrag, EUR;Kategorie\n" + "0,50;Miete\n1,50;Essen\n" * 5, ("Betrag, EUR", "Kategorie"), "0,50"),
        ("a.csv", "text, raw\tlabel\n" + "It went badly\tbad\n" * 5, ("text, raw", "label"), "It went badly"),
        ("a.csv", "Id;Comment, free text;Label\n" + "0;so, so;bad\n" * 5, ("Id", "Comment, free text", "Label"), "0"),
        ("a.csv", "text|label\ngood; bad, so|x\n", ("text", "label"), "good; bad, so"),
        ("a.csv", "text,label\n" + "good; bad,x\n" * 3, ("text", "label"), "good; bad"),
        ("a.csv", "text,label\na,b;c\n" * 1 + "d,e;f\n", ("text", "label"), "a"),
    ],
)
def test_the_delimiter_is_the_one_under_which_the_whole_file_is_regular(
    write: Write, name: str, content: str, columns: tuple[str, ...], first: str
) -> None:
    table = read_table(write(name, content))
    assert table.columns == columns and table.rows[0][columns[0]] == first


@pytest.mark.parametrize("blanks", [" ", "   "])
def test_blanks_may_stand_before_a_quoted_cell(write: Write, blanks: str) -> None:
    content = f'text,{blanks}label\n"good film",{blanks}"yes"\n"dull, long",{blanks}"no"\n'
    assert read_table(write("a.csv", content)).rows == ROWS
    turned = f'label,{blanks}text\nyes,{blanks}"good film"\nno,{blanks}"dull, long"\n'
    assert [row["text"] for row in read_table(write("b.csv", turned)).rows] == ["good film", "dull, long"]


def test_a_backslash_may_stand_before_a_quotation_mark_inside_a_quoted_cell(write: Write) -> None:
    rows = read_table(write("a.csv", 'text,label\n"he said \\"so, what\\" twice",a\nb,c\n')).rows
    assert rows[0] == {"text": 'he said "so, what" twice', "label": "a"}


@pytest.mark.parametrize("ends", [("\r\n", "\n"), ("\n", "\r\n"), ("\n", "\r")])
def test_lines_may_end_in_different_ways_in_one_file(write: Write, ends: tuple[str, str]) -> None:
    table = read_table(write("a.csv", f'text,label{ends[0]}good film,yes{ends[1]}"dull, long",no{ends[0]}'))
    assert table.rows == ROWS


def test_delimiters_at_the_end_of_a_line_are_no_cells(write: Write) -> None:
    for gap in ("", "\n"):
        rows = read_table(write("a.csv", f'text,label\ngood film,yes,\n{gap}"dull, long",no,,\n')).rows
        assert rows == ROWS


def test_the_sentence_is_about_the_delimiter_that_fits_farthest(write: Write) -> None:
    said = refusal(write("a.csv", "Id;Comment, free text;Label\n0;It went badly;bad\n1;well\n"))
    assert "has 2 cells on line 3 where its header has 3" in said and "semicolons" in said


@pytest.mark.parametrize("content", ["text,label\na,b\n" + "," * 2_000_000, "text,label\na,b\n" + "x," * 2_000_000])
def test_a_last_line_of_very_many_cells_is_not_lost(write: Write, content: str) -> None:
    if content.endswith("x,"):
        assert "has 2000000 cells on line 3" in refusal(write("a.csv", content))
    else:
        assert read_table(write("a.csv", content)).rows == [{"text": "a", "label": "b"}]


def test_rows_of_a_drawn_table_that_look_like_its_lines_are_rows(write: Write) -> None:
    markdown = "| text | label |\n|------|-------|\n| good | pos |\n| -- | -- |\n| 3 rows left | neg |\n"
    assert read_table(write("markdown.csv", markdown)).rows[1:] == [
        {"text": "--", "label": "--"},
        {"text": "3 rows left", "label": "neg"},
    ]
    psql = " text | label \n------+-------\n 3 rows left | pos\n--|--\n(2 rows)\n"
    assert [row["text"] for row in read_table(write("psql.csv", psql)).rows] == ["3 rows left", "--"]
