"""A table that people added is read in another way, which makes another data set and leaves the first one as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.studio import Studio
from app.ui.tune.reading_again import ReadingAgain
from app.ui.tune.tune_form import TuneForm
from lamp.errors import DataError
from tests.unit.tables.workbooks import write_xlsx

ROWS: list[list[object]] = [[f"film {row}", ("pos", "neg")[row % 2]] for row in range(12)]


@pytest.fixture
def handlers(studio: Studio) -> ReadingAgain:
    return ReadingAgain(studio, TuneForm(studio, ()).choose_dataset)


def test_another_sheet_becomes_another_data_set(studio: Studio, handlers: ReadingAgain, tmp_path: Path) -> None:
    book = write_xlsx(tmp_path / "films.xlsx", {"Old": [["text", "label"], *ROWS], "New": [["a", "b"], *ROWS[:11]]})
    first = studio.add_dataset(book, book.name)
    assert studio.sheets(first.reference) == ("Old", "New")
    again = studio.read_again(first.reference, sheet="New")
    assert (again.name, again.rows, again.columns) == ("films (sheet New).parquet", 11, ("a", "b"))
    assert studio.dataset(first.reference) == first
    assert studio.first_rows(again.reference)[0] == {"a": "film 0", "b": "pos"}
    file = studio._datasets._uploads.path(again.reference).rename(tmp_path / "whole.parquet")
    assert studio.add_dataset(file, file.name).columns == ("a", "b"), "its file is an ordinary Parquet file"


def test_the_row_of_the_column_names_is_chosen_on_the_page(
    studio: Studio, handlers: ReadingAgain, tmp_path: Path
) -> None:
    file = tmp_path / "films.csv"
    file.write_text("made,by\nus,today\ntext,label\n" + "".join(f"{text},{label}\n" for text, label in ROWS))
    first = studio.add_dataset(file, file.name).reference
    layout, sheet, header = handlers.show(first)
    assert (layout.visible, sheet.visible, header) == (True, False, -1)
    dataset, inputs, target, said = handlers.read(first, None, 3)
    assert "films (header in row 3).parquet has 12 rows and 2 columns." in said
    assert (inputs.value, target.value) == (["text"], "label")
    assert studio.read_again(first, header=0).columns == ("column 1", "column 2")
    assert not handlers.show(dataset.value)[0].visible, "a Parquet file has its names in itself"
    *skipped, refused = handlers.read(first, None, 20)
    assert "has no line 20 that could name its columns" in refused and len(skipped) == 3


def test_samples_and_files_that_name_their_columns_have_nothing_to_choose(
    studio: Studio, handlers: ReadingAgain, tmp_path: Path
) -> None:
    file = tmp_path / "films.jsonl"
    file.write_text('{"text": "a", "label": "b"}\n' * 12)
    json_lines = studio.add_dataset(file, file.name).reference
    for dataset in (json_lines, "sample:support-tickets.csv", "upload:gone", None):
        assert not handlers.show(dataset)[0].visible


@pytest.mark.parametrize("header", [-1, 1001])
def test_a_row_that_makes_no_sense_is_one_sentence(studio: Studio, tiny_table: Path, header: int) -> None:
    reference = studio.add_dataset(tiny_table, "films.csv").reference
    with pytest.raises(DataError, match=f"must be between 1 and 1000, not {header}"):
        studio.read_again(reference, header=header)
