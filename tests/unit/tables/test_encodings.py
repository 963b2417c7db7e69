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


def test_utf_8_and_utf_16_need_no_note(write: Write) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert read_table(write("a.csv", GERMAN.encode(encoding))).notes == ()


def test_a_single_wrong_byte_in_utf_8_is_no_old_encoding(write: Write) -> None:
    faulty = (GERMAN * 3).encode() + b"caf\xe9,gut\n"
    assert "is not UTF-8: line 10 has the byte 0xE9 in position 4" in refusal(write("a.csv", faulty))


def test_a_character_across_the_parts_in_which_a_file_is_read_is_whole(write: Write) -> None:
    text = "text,label\n" + ("ü" * 3_999_990 + ",a\n") * 3
    assert [len(row["text"]) for row in read_table(write("a.csv", text)).rows] == [3_999_990] * 3
    marked = read_table(write("b.csv", text.encode("utf-16")))
    assert [set(row["text"]) for row in marked.rows] == [{"ü"}] * 3
