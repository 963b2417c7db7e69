"""Texts of mostly ASCII in the old encodings of Windows, of Macs and of DOS: their accents are read as they were."""

from __future__ import annotations

import pytest

from lamp.data.tables import read_table
from tests.unit.tables.files import Write, refusal

TEXTS = {
    "Spanish": "El niño está enfermo y llegó más tarde. ¿Qué pasó? Corazón, jardín, año.",
    "German": "Das Öl ist schön, die Straße für Übung, größer, Ärger.",
    "French": "L'été à la plage, ça va très bien: être, où, garçon, «oui», naïve.",
    "Portuguese": "Não está aqui, coração, mãe, João, informações.",
    "English": "It’s a test—really—“quoted” text… £5",
    "Swedish": "Hej på dig, räksmörgås är gott, också ålar.",
    "Italian": "Perché è così, città, più, può.",
    "Danish": "Rødgrød med fløde, æble, på.",
    "Turkish": "çok güzel şey, İstanbul değil, ışık",
    "Hungarian": "Nagyon szép idő, őszi fű, üröm tűz.",
    "Czech": "Příliš žluťoučký kůň úpěl ďábelské ódy",
}
NAMES = {
    "cp1252": "Windows-1252",
    "mac_roman": "Mac OS Roman",
    "cp850": "DOS (code page 850)",
    "cp1254": "Windows-1254",
    "cp1250": "Windows-1250",
}
WRITTEN = {
    **dict.fromkeys(
        ("Spanish", "German", "Portuguese", "Swedish", "Italian", "Danish"), ("cp1252", "mac_roman", "cp850")
    ),
    **dict.fromkeys(("French", "English"), ("cp1252", "mac_roman")),
    **{"Turkish": ("cp1254",), "Hungarian": ("cp1250",), "Czech": ("cp1250",)},
}


@pytest.mark.parametrize("language, codec", [(language, codec) for language in WRITTEN for codec in WRITTEN[language]])
def test_accents_are_read_in_the_encoding_in_which_they_were_written(write: Write, language: str, codec: str) -> None:
    text = TEXTS[language]
    table = read_table(write("a.csv", f'text,label\n"{text}",a\nplain,b\n"{text}",b\n'.encode(codec)))
    assert [row["text"] for row in table.rows] == [text, "plain", text]
    assert table.notes == (f"Read as {NAMES[codec]}.",)


def test_lines_in_utf_8_among_others_are_no_old_encoding(write: Write) -> None:
    lines = "text,label\nZürich,pos\n".encode() + "Grüße,neg\n".encode("cp1252")
    assert "is not UTF-8: line 3 has the byte 0xFC in position 3" in refusal(write("a.csv", lines))


def test_japanese_in_escape_sequences_is_japanese(write: Write) -> None:
    table = read_table(write("a.csv", "文,札\nとても良い映画でした,良\n".encode("iso2022_jp")))
    assert table.columns == ("文", "札") and table.rows[0]["文"] == "とても良い映画でした"
    assert table.notes == ("Read as ISO-2022-JP.",)
