"""Texts in old encodings are converted, and the table says so; UTF-8 with a fault in it is refused."""

from __future__ import annotations

import json

import pytest

from lamp.data.tables import read_table
from tests.unit.tables.files import Write, refusal

GERMAN = "text,label\nDer Film war schön und süß,gut\nÜber alles großartig,gut\n"
TEXTS = [
    ("cp1252", "text,label\n“It’s good” – she said,pos\nnaïve café,neg\n", "Windows-1252"),
    ("latin-1", GERMAN, "Windows-1252"),
    ("cp1250", "text,label\nZażółć gęślą jaźń,dobry\nŁódź jest piękna,zły\n", "Windows-1250"),
    ("cp1251", "text,label\nПривет как дела,хорошо\nЭто плохой фильм,плохо\n", "Windows-1251"),
    ("koi8-r", "text,label\nПривет как дела,хорошо\nЭто плохой фильм,плохо\n", "KOI8-R"),
    ("shift_jis", "text,label\nこれは良い映画です,良い\n悪い映画でした,悪い\n", "Shift JIS"),
    ("gb18030", "text,label\n这是一部好电影,好\n这部电影很差,差\n", "GB 18030"),
    ("euc-kr", "text,label\n좋은 영화였습니다,긍정\n나쁜 영화,부정\n", "Korean (Windows-949)"),
]


@pytest.mark.parametrize("encoding, text, name", TEXTS)
@pytest.mark.parametrize("times", [1, 200])
def test_an_old_encoding_is_told_from_the_text(write: Write, encoding: str, text: str, name: str, times: int) -> None:
    header, body = text.split("\n", 1)
    table = read_table(write("a.csv", f"{header}\n{body * times}".encode(encoding)))
    assert [",".join(row.values()) for row in table.rows] == body.splitlines() * times
    assert table.notes == (f"Read as {name}.",)


def test_json_in_an_old_encoding_is_read(write: Write) -> None:
    rows = [{"text": "schön", "label": "gut"}] * 3
    for name, text in (
        ("a.json", json.dumps(rows, ensure_ascii=False)),
        ("a.jsonl", '{"text": "schön", "label": "x"}\n'),
    ):
        table = read_table(write(name, text.encode("cp1252")))
        assert table.rows[0]["text"] == "schön" and table.notes == ("Read as Windows-1252.",)


def test_utf_8_needs_no_note_and_utf_16_is_named(write: Write) -> None:
    for encoding, notes in (("utf-8", ()), ("utf-8-sig", ()), ("utf-16", ("Read as UTF-16.",))):
        assert read_table(write("a.csv", GERMAN.encode(encoding))).notes == notes


@pytest.mark.parametrize(
    "end", [b"so \xe2\x82,neg\n", b"so \xe2\x82", b"so \xe2", b"so \xc3", b"so \xf0\x9f\x98", b"\xf0\x9f"]
)
def test_one_character_of_utf_8_that_is_cut_off_makes_no_old_encoding(write: Write, end: bytes) -> None:
    assert "is not UTF-8: line 4 has the byte 0x" in refusal(write("a.csv", b"text,label\na,pos\nb,neg\n" + end))


@pytest.mark.parametrize("text", ["caf\xe9", "ch\xe2teau,pos", "caf\xe9\x94 he said,neg", "5 \x80,pos\n"])
def test_one_letter_of_an_old_encoding_is_no_cut_character(write: Write, text: str) -> None:
    table = read_table(write("a.csv", b"text,label\na,pos\n" + (text + ",x" * ("," not in text)).encode("latin-1")))
    assert table.notes == ("Read as Windows-1252.",)


def test_a_single_wrong_byte_in_utf_8_is_no_old_encoding(write: Write) -> None:
    faulty = (GERMAN * 3).encode() + b"caf\xe9,gut\n"
    assert "is not UTF-8: line 10 has the byte 0xE9 in position 4" in refusal(write("a.csv", faulty))


def test_a_character_across_the_parts_in_which_a_file_is_read_is_whole(write: Write) -> None:
    text = "text,label\n" + ("ü" * 3_999_990 + ",a\n") * 3
    assert [len(row["text"]) for row in read_table(write("a.csv", text)).rows] == [3_999_990] * 3
    marked = read_table(write("b.csv", text.encode("utf-16")))
    assert [set(row["text"]) for row in marked.rows] == [{"ü"}] * 3
