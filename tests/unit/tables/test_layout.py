"""Where a table begins: titles above the header are passed over, a header that is a row is one, and people may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamp.data.tables import Layout, Table, read_table
from lamp.data.tables.layout import NO_HEADER
from lamp.errors import DataError
from tests.unit.tables.files import Write, refusal
from tests.unit.tables.workbooks import write_xlsx

CELLS: list[list[object]] = [[f"film number {row} was long", ("pos", "neg")[row % 2]] for row in range(10)]
BODY = "".join(f"{text},{label}\n" for text, label in CELLS)
NUMBERED = ("column 1", "column 2")


@pytest.mark.parametrize("first", ["good film,pos", '"good film","pos"', "good film, pos", "neg,pos", "1,pos"])
def test_a_first_line_that_is_a_row_is_kept_as_a_row_and_said_to_be_one(write: Write, first: str) -> None:
    table = read_table(write("a.csv", f"{first}\n{BODY}"))
    assert (table.columns, len(table.rows), table.notes) == (NUMBERED, 11, (NO_HEADER,))
    assert table.rows[0]["column 2"].strip() == "pos"


def test_a_sheet_without_names_of_columns_keeps_its_first_row(tmp_path: Path) -> None:
    table = read_table(write_xlsx(tmp_path / "a.xlsx", {"Data": [["good film", "pos"], *CELLS]}))
    assert (table.columns, len(table.rows), table.notes) == (NUMBERED, 11, (NO_HEADER,))


@pytest.mark.parametrize(
    "content",
    [
        "text,label\n" + BODY,
        "text,label\n" + BODY + "text,label\n" + BODY,  # joined files
        "text,pos\n" + BODY,  # somebody named a column so
        "film,verdict\n" + BODY,
        "Good film,pos\nbad film,neg\n",  # too few rows to tell
        "0,1\n" + BODY,  # as pandas names columns without names
    ],
)
def test_names_of_columns_are_no_row(write: Write, content: str) -> None:
    table = read_table(write("a.csv", content))
    assert list(table.columns) == content.splitlines()[0].split(",") and table.notes == ()


@pytest.mark.parametrize(
    "titles", ["Films of 2024\n", "Films of 2024,\n", "Films of 2024\n\n\nall of them\n", "\n\nFilms\n"]
)
def test_titles_above_the_header_are_passed_over_and_told(write: Write, titles: str) -> None:
    table = read_table(write("a.csv", f"{titles}text,label\n{BODY}"))
    assert (table.columns, len(table.rows)) == (("text", "label"), 10)
    lines = [line for line in titles.splitlines() if line]
    first = "The first line, " if len(lines) == 1 else f"The first {len(lines)} lines, "
    assert len(table.notes) == 1 and table.notes[0].startswith(f"{first}{lines[0].strip(',')!r}, ")


def test_a_title_and_a_row_beneath_it_are_both_told(write: Write) -> None:
    table = read_table(write("a.csv", f"Films of 2024\ngood film,pos\n{BODY}"))
    assert table.columns == NUMBERED and len(table.rows) == 11 and len(table.notes) == 2


def test_a_title_of_a_sheet_is_passed_over(tmp_path: Path) -> None:
    table = read_table(write_xlsx(tmp_path / "a.xlsx", {"Data": [["Films"], [], ["text", "label"], *CELLS]}))
    assert (table.columns, len(table.rows)) == (("text", "label"), 10)
    assert table.notes == ("The first line, 'Films', is no part of the table.",)


def test_a_text_of_one_column_is_no_title(write: Write) -> None:
    prose = "text\nwell, it was long\nno, it was not\n"
    assert "has only one column, 'text'" in refusal(write("a.csv", prose))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_line_that_names_the_columns_is_chosen(write: Write, separator: str) -> None:
    path = write("a.csv", f"a,b\n\nc,d\ntext,label\n{BODY}".replace(",", separator))
    assert read_table(path, layout=Layout(header=4)) == Table(
        ("text", "label"), [dict(zip(("text", "label"), map(str, row), strict=True)) for row in CELLS]
    )
    with pytest.raises(DataError, match=r"has no line 15 that could name its columns: it has 14 lines\.$"):
        read_table(path, layout=Layout(header=15))


def test_no_line_names_the_columns_where_somebody_says_so(write: Write) -> None:
    table = read_table(write("a.csv", f"text,label\n{BODY}"), layout=Layout(header=0))
    assert table.columns == NUMBERED and table.rows[0] == {"column 1": "text", "column 2": "label"}
    assert len(table.rows) == 11 and table.notes == ()
