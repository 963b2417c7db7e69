"""Excel and OpenDocument: which sheet and which row are read, and the one sentence for what is no table."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from lamp.data.tables import Layout, Table, read_table
from lamp.errors import DataError
from tests.unit.tables.files import ROWS, Write, refusal
from tests.unit.tables.workbooks import write_ods, write_xlsx

CELLS: list[list[object]] = [["text", "label"], ["good film", "yes"], ["dull, long", "no"]]


def test_the_same_table_is_read_from_both_kinds_of_workbook(tmp_path: Path) -> None:
    for path in (write_xlsx(tmp_path / "a.xlsx", {"Data": CELLS}), write_ods(tmp_path / "a.ods", {"Data": CELLS})):
        assert read_table(path) == Table(("text", "label"), ROWS)
    upload = (tmp_path / "a.xlsx").rename(tmp_path / "upload")
    assert read_table(upload, "films.XLSX").rows == ROWS


def test_the_first_sheet_with_content_is_read_and_named(tmp_path: Path) -> None:
    table = read_table(write_xlsx(tmp_path / "a.xlsx", {"Cover": [], "Blank": [[" "]], "Data": CELLS, "More": [["x"]]}))
    assert table.rows == ROWS and table.notes == ("Read from the sheet 'Data'.",)


def test_a_sheet_of_notes_before_the_table_is_passed_over(tmp_path: Path) -> None:
    notes: list[list[object]] = [["Read me"], ["Made in 2024"]]
    table = read_table(write_xlsx(tmp_path / "a.xlsx", {"Notes": notes, "Data": CELLS}))
    assert table.rows == ROWS and table.notes == ("Read from the sheet 'Data'.",)
    texts: list[list[object]] = [["text"], ["one"], ["two"], ["three"], ["four"], ["five"]]
    assert "one column, 'text'" in refusal(write_xlsx(tmp_path / "c.xlsx", {"Texts": texts, "Legend": CELLS[:2]}))
    said = refusal(write_xlsx(tmp_path / "b.xlsx", {"Notes": notes, "Blank": []}))
    assert "has only one column, 'Read me'" in said


def test_blank_rows_and_columns_of_a_sheet_are_left_out(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        [],
        [None, "text", None, "label"],
        [],
        *([None, text, None, label] for text, label in CELLS[1:]),
        [None, " "],
    ]
    assert read_table(write_xlsx(tmp_path / "a.xlsx", {"Data": rows})) == Table(("text", "label"), ROWS)


def test_values_of_a_sheet_become_plain_text(tmp_path: Path) -> None:
    rows: list[list[object]] = [["a", "b", "c", "d"], [1, 2.5, True, None], [-3.0, "007", False, "x"]]
    read = read_table(write_xlsx(tmp_path / "a.xlsx", {"Data": rows})).rows
    assert [list(row.values()) for row in read] == [["1", "2.5", "true", ""], ["-3", "007", "false", "x"]]


@pytest.mark.parametrize(
    "rows, expected",
    [
        ([], "has no sheet with content"),
        ([["text", "label"]], "has a header but no rows"),
        ([["Title"], ["a"], ["b"]], "has only one column, 'Title'"),
        ([["text", "label"], ["a", "b", "c"]], "has no name for column 3"),
        ([["text", None, "label"], ["a", "b", "c"]], "has no name for column 2"),
        ([["text", "text"], ["a", "b"]], "has 2 columns called 'text'"),
    ],
)
def test_a_sheet_that_is_no_table_is_refused(tmp_path: Path, rows: list[list[object]], expected: str) -> None:
    assert expected in refusal(write_xlsx(tmp_path / "a.xlsx", {"Data": rows}))


def test_a_file_that_is_no_workbook_is_refused(write: Write, tmp_path: Path) -> None:
    for name in ("a.xlsx", "a.xls", "a.ods"):
        assert "is no workbook that can be read" in refusal(write(name, "text,label\na,b\n"))
    whole = write_xlsx(tmp_path / "b.xlsx", {"Data": CELLS}).read_bytes()
    assert "is no workbook that can be read" in refusal(write("b.xlsx", whole[: len(whole) // 2]))


def changed(path: Path, old: str, new: str) -> Path:
    """A workbook with another piece of XML in its first sheet."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name).decode() for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert old in entries[sheet]
    entries[sheet] = entries[sheet].replace(old, new)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_a_cell_that_spans_rows_has_its_value_in_each_of_them(tmp_path: Path) -> None:
    rows: list[list[object]] = [[], [None, "kind", "text"], [None, "a", "1"], [None, None, "2"], [None, "b", "3"]]
    path = write_xlsx(tmp_path / "a.xlsx", {"Data": rows})
    merged = '</sheetData><mergeCells><mergeCell ref="B3:B4"/></mergeCells>'
    table = read_table(changed(path, "</sheetData>", merged))
    assert [list(row.values()) for row in table.rows] == [["a", "1"], ["a", "2"], ["b", "3"]]
    assert table.notes == ("A cell that spans several rows has its value in each of them.",)


def test_formulas_that_were_never_calculated_are_told(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", {"Data": [["text", "label"], ["a", 1], ["b", 2]]})
    assert read_table(changed(path, "<v>1</v>", "<f>1+0</f><v>1</v>")).notes == ()
    table = read_table(changed(path, "<v>2</v>", "<f>1+1</f><v></v>"))
    assert table.rows == [{"text": "a", "label": "1"}, {"text": "b", "label": ""}]
    (note,) = table.notes
    assert note.startswith("Formulas that were never calculated are empty cells")
    text = changed(path, '<c r="B3"><f>1+1</f><v></v>', '<c r="B3" t="str"><f>T(1)</f><v></v>')
    assert read_table(text).notes == ()


def test_a_workbook_with_a_password_is_refused(write: Write) -> None:
    encrypted = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(480)
    assert "is protected with a password: save it without one" in refusal(write("a.xlsx", encrypted))


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", {"Data": CELLS})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/more.xml", "w") as more:
        for _ in range(51):
            more.write(bytes(10_000_000))
    assert path.stat().st_size < 1_000_000
    assert "unpacks to more than 500 MB" in refusal(path)


def test_a_sheet_is_chosen_by_its_name(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", {"Cover": [["x", "y"], ["a", "b"]], "Data": CELLS})
    table = read_table(path, layout=Layout(sheet="Data"))
    assert table.rows == ROWS and table.sheets == ("Cover", "Data")
    with pytest.raises(DataError, match=r"has no sheet 'More': it has 'Cover, Data'\.$"):
        read_table(path, layout=Layout(sheet="More"))


def test_the_row_that_names_the_columns_of_a_sheet_is_chosen(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", {"Data": [[], ["x", "y"], ["a", "b"], *CELLS]})
    assert read_table(path, layout=Layout(header=4)) == Table(("text", "label"), ROWS)
    table = read_table(path, layout=Layout(header=0))
    assert table.columns == ("column 1", "column 2") and len(table.rows) == 5
    for header in (1, 99):
        with pytest.raises(DataError, match="has no names of columns in that row"):
            read_table(path, layout=Layout(header=header))
