"""The one sentence for a file that is not a table at all, or not what its name says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.tables.files import Write, refusal


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
        ("a.numbers", "is a spreadsheet that cannot be read: save it as CSV"),
        ("a.zip", "is packed: unpack it"),
        ("a.gz", "is packed: unpack it"),
        ("a.parquet.gz", "is packed: unpack it"),
    ],
)
def test_an_unknown_ending_is_refused_with_those_that_work(write: Write, name: str, expected: str) -> None:
    said = refusal(write(name, "text,label\na,b\n"))
    assert expected in said
    assert all(ending in said for ending in (".csv", ".tsv", ".json", ".jsonl", ".parquet", ".xlsx", ".ods"))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "is not there any more" in refusal(tmp_path / "a.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "is not there any more, or is not a file" in refusal(tmp_path / "folder.csv")


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.csv", "text\na\nb, and c\n"),
        ("a.tsv", "text,label\na,b\n"),
        ("a.json", '[{"text": "a"}]'),
        ("a.jsonl", '{"text": "a"}\n'),
        ("a.csv", "text,\na,\n"),
    ],
)
def test_a_table_of_one_column_is_refused(write: Write, name: str, content: str) -> None:
    assert "has only one column, 'text" in refusal(write(name, content))
