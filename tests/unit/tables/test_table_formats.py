"""The same table is read from every format; what a file's name and encoding decide."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

import lamp.data.tables.read
from lamp.data.tables import Table, read_table
from lamp.errors import DataError
from tests.unit.tables.files import ROWS, Pack, Write


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


def test_a_parquet_table_is_read(pack: Pack) -> None:
    assert read_table(pack(pa.Table.from_pylist(ROWS))) == Table(("text", "label"), ROWS)


@pytest.mark.parametrize(
    "encoding, mark",
    [("utf-8", ""), ("utf-8-sig", ""), ("utf-16", ""), ("utf-16-le", "\ufeff"), ("utf-16-be", "\ufeff")],
)
@pytest.mark.parametrize(
    "name, text",
    [
        ("a.csv", "text,label\nnaïve 😀,ja\n"),
        ("a.json", '[{"text": "naïve 😀", "label": "ja"}]'),
    ],
)
def test_utf_8_and_marked_utf_16_are_read(write: Write, encoding: str, mark: str, name: str, text: str) -> None:
    table = read_table(write(name, (mark + text).encode(encoding)))
    notes = ("Read as UTF-16.",) if encoding.startswith("utf-16") else ()
    assert table == Table(("text", "label"), [{"text": "naïve 😀", "label": "ja"}], notes)


def test_the_name_decides_the_format_and_not_the_path(write: Write) -> None:
    path = write("upload-1", "text\tlabel\na\tb\n")
    assert read_table(path, "tickets.tsv").rows == [{"text": "a", "label": "b"}]


def test_only_the_last_part_of_a_name_is_shown(write: Write) -> None:
    with pytest.raises(DataError, match=r"^'passwd\.csv' "):
        read_table(write("a", ""), "../../etc/passwd.csv")


def test_importing_the_reader_brings_neither_tensors_nor_arrow() -> None:
    root = Path(lamp.data.tables.read.__file__).parents[3]
    script = (
        "import lamp.data.tables, sys; print(sorted({'torch', 'transformers', 'pyarrow', 'pandas'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(root)}
    )
    assert run.stdout.strip() == "[]"
