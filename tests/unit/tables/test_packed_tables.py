"""Tables packed with gzip or zstd."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pytest

import lamp.data.tables.checks
from lamp.data.tables import Table, read_table
from tests.unit.tables.files import ROWS, Write, refusal

CSV = b'text,label\ngood film,yes\n"dull, long",no\n'
JSON = b'{"text": "good film", "label": "yes"}\n{"text": "dull, long", "label": "no"}\n'


def zstd(data: bytes) -> bytes:
    packed: bytes = pa.compress(data, "zstd", asbytes=True)
    return packed


@pytest.mark.parametrize("name, content", [("a.csv", CSV), ("a.v2.CSV", CSV), ("a.jsonl", JSON), ("a.json", JSON)])
def test_a_packed_table_is_read(write: Write, name: str, content: bytes) -> None:
    for path in (write(f"{name}.gz", gzip.compress(content)), write(f"{name}.zst", zstd(content))):
        assert read_table(path) == Table(("text", "label"), ROWS)
    half = len(content) // 2
    parts = gzip.compress(content[:half]) + gzip.compress(content[half:])
    assert read_table(write(f"{name}.gz", parts)).rows == ROWS


def test_a_packed_file_that_is_not_what_it_says_is_refused(write: Write) -> None:
    for name, packed in (("a.csv.gz", gzip.compress(CSV * 99)), ("a.csv.zst", zstd(CSV * 99))):
        assert "is not packed with" in refusal(write(name, CSV))
        assert "is damaged or cut off inside" in refusal(write(name, packed[:-9]))
        assert "is empty" in refusal(write(name, b""))
    assert "is empty" in refusal(write("a.csv.gz", gzip.compress(b"")))
    assert "is a PNG picture" in refusal(write("a.csv.gz", gzip.compress(b"\x89PNG\r\n")))


def test_a_file_that_unpacks_to_too_much_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lamp.data.tables.checks, "MAX_UNPACKED", 20_000_000)
    content = b"text,label\n" + b"a,b\n" * 6_000_000
    for name, packed in (("a.csv.gz", gzip.compress(content)), ("a.csv.zst", zstd(content))):
        assert "unpacks to more than 20 MB" in refusal(write(name, packed))
