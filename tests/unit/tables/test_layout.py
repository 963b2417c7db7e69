"""Where a table begins: titles above the header are passed over, a header that is a row is one, and people may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamp.data.tables import Layout, Table, read_table
from lamp.data.tables.layout import NO_HEADER, UNNAMED
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


def test_names_in_the_second_row_of_a_sheet_take_the_place_of_groups_of_columns(tmp_path: Path) -> None:
    rows: list[list[object]] = [["Review", None, "Rating"], ["text", "lang", "label"], ["good film", "en", "pos"]]
    table = read_table(write_xlsx(tmp_path / "a.xlsx", {"Data": rows}))
    assert (table.columns, len(table.rows)) == (("text", "lang", "label"), 1)
    assert table.notes == ("The first line, 'Review', is no part of the table.",)


@pytest.mark.parametrize("blank", [0, 1, 2])
def test_a_blank_row_above_what_may_be_another_table_of_a_sheet_is_told(tmp_path: Path, blank: int) -> None:
    gap: list[list[object]] = [[None, None]] * blank
    rows: list[list[object]] = [["text", "label"], *CELLS, *gap, ["city", "size"], ["Bern", "big"]]
    table = read_table(write_xlsx(tmp_path / "a.xlsx", {"Data": rows}))
    said = "What stands below the only blank row, from 'city' on, is read as rows of the same table."
    assert len(table.rows) == 12 and table.notes == ((said,) if blank else ())


def test_several_blank_rows_among_the_rows_are_a_habit_and_not_told(write: Write) -> None:
    assert read_table(write("a.csv", "text,label\na,b\n\nc,d\n\ne,f\n")).notes == ()


def test_names_that_a_person_chose_are_not_looked_for_elsewhere(write: Write) -> None:
    table = read_table(write("a.csv", "| text | label |\n|---|---|\n| a | b |\n"), layout=Layout(header=0))
    assert len(table.rows) == 3


@pytest.mark.parametrize("filled", [True, False])
def test_a_first_column_of_a_sheet_without_a_name_gets_one_where_it_is_filled(tmp_path: Path, filled: bool) -> None:
    below: list[list[object]] = [[number if filled else "", "a", "b"] for number in range(3)]
    rows: list[list[object]] = [["", "text", "label"], *below]
    table = read_table(write_xlsx(tmp_path / "a.xlsx", {"Data": rows}))
    assert table.columns == (("column 1", "text", "label") if filled else ("text", "label"))
    assert table.notes == ((UNNAMED,) if filled else ())
