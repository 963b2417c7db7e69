"""Which encoding the bytes of a text are in."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

_CHUNK = 8_000_000
_SAMPLE = 500_000
"""Bytes of a text that its encoding is told from."""
_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
"""Bytes of one character in UTF-8."""
_CUT = re.compile(rb"\xe2[\x80-\xbf]?(?![\x80-\xbf])|\xf0[\x80-\xbf]{0,2}(?![\x80-\xbf])|[\xc2\xc3](?![\x80-\xbf])")
"""The beginning of a character in UTF-8 that is none in Western texts: of quotation marks, the euro, accents, emoji."""
_MARKS = frozenset("“”‘’‚„–—…•€£§°©®™«»¿¡´·\xa0")
"""Characters of Western texts that are no letters."""
_WITHIN_WORDS = frozenset("–—’…·´")
"""Those that may stand between two letters."""
_WESTERN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüÿŒœŸ") | _MARKS
_CODECS = ("cp1250", "cp1251", "cp1253", "cp1254", "cp1256", "koi8_r", "cp932", "euc_jp", "gb18030", "big5", "cp949")
_TURKISH = frozenset("çğıöşüâîûÇĞİÖŞÜ") | _MARKS
_HUNGARIAN = frozenset("áéíóöőúüűÁÉÍÓÖŐÚÜŰ") | _MARKS
_COMMON = frozenset("äöüßéèàçñáíóúêâåæøãşğıÄÖÜÉ")
"""Letters that are common in their languages."""
_FEW_ACCENTS = (
    ("cp1250", _HUNGARIAN),
    ("cp1252", _WESTERN),
    ("cp1254", _TURKISH),
    ("mac_roman", _WESTERN),
    ("cp850", _WESTERN),
)
"""Encodings of texts that are mostly ASCII, the commonest first, and what such texts may hold besides."""
_WIDE = {"cp932", "euc_jp", "gb18030", "big5", "cp949"}
"""Encodings of several bytes a character, which fit nearly every few bytes."""
_FEWEST = 3
"""Characters that are not ASCII, in encodings that fit nearly everything, from which on these are believed."""
_NAMES = {
    "mac_roman": "Mac OS Roman",
    "cp850": "DOS (code page 850)",
    "koi8_r": "KOI8-R",
    "cp932": "Shift JIS",
    "euc_jp": "EUC-JP",
    "gb18030": "GB 18030",
    "big5": "Big5",
    "cp949": "Korean (Windows-949)",
    "latin_1": "Latin-1",
}


@dataclass(frozen=True)
class Encoding:
    """An encoding of text."""

    codec: str
    """Its name for Python."""
    name: str
    """Its name for people."""


UTF_8 = Encoding("utf-8", "UTF-8")
UTF_8_MARKED = Encoding("utf-8-sig", "UTF-8")
UTF_16 = Encoding("utf-16", "UTF-16")
ISO_2022_JP = Encoding("iso2022_jp", "ISO-2022-JP")


def marked_encoding(head: bytes) -> Encoding | None:
    """The encoding that the byte order mark at the start of a file names."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return UTF_16
    return UTF_8_MARKED if head.startswith(codecs.BOM_UTF8) else None


def escaped_encoding(path: Path) -> Encoding | None:
    """The encoding of a text that is all ASCII, but for the signs by which ISO-2022-JP changes to Japanese."""
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    signed = sample.isascii() and (b"\x1b$B" in sample or b"\x1b$@" in sample)
    return ISO_2022_JP if signed and first_bad_byte(path, ISO_2022_JP) is None else None


def first_bad_byte(path: Path, encoding: Encoding) -> int | None:
    """Where in a file the first byte stands that its encoding does not allow, from 0; None where all fit."""
    codec = UTF_8.codec if encoding is UTF_8_MARKED else encoding.codec
    decoder, size = codecs.getincrementaldecoder(codec)(), 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            waiting = len(decoder.getstate()[0])
            try:
                if waiting or not chunk.isascii() or codec != UTF_8.codec:
                    decoder.decode(chunk, not chunk)
            except UnicodeDecodeError as error:
                return size - waiting + error.start
            if not chunk:
                return None
            size += len(chunk)


def legacy_encoding(path: Path, place: int) -> Encoding | None:
    """The encoding of a text that is not UTF-8; None where it looks like UTF-8 with a fault in it, or like none.

    place: the first byte that is no UTF-8.
    """
    with path.open("rb") as file:
        file.seek(max(0, place - _SAMPLE // 2))
        sample = file.read(_SAMPLE)
    whole = sample[sample.find(b"\n") + 1 : sample.rfind(b"\n")] if sample.count(b"\n") > 2 else sample
    foreign = len(re.findall(rb"[\x80-\xff]", whole))
    if sum(map(len, _SEQUENCE.findall(whole))) > 0.6 * foreign:
        return None
    cut = _CUT.findall(sample)
    if sum(map(len, cut)) == len(re.findall(rb"[\x80-\xff]", sample)) and (len(cut[0]) > 1 or sample.endswith(cut[0])):
        return None  # a single character that an end cut off
    if _has_line_of_utf8(whole):
        return None
    for codec in _likely(whole):
        if codec in _WIDE and sum(map(_is_foreign, whole.decode(codec, "ignore"))) < _FEWEST:
            continue
        encoding = Encoding(codec, _NAMES.get(codec, codec.replace("cp", "Windows-")))
        if first_bad_byte(path, encoding) is None:
            return encoding
    return None


def _likely(sample: bytes) -> list[str]:
    """Codecs to try, the likeliest first."""
    from charset_normalizer import from_bytes

    few = _few_accents(sample)
    if few:
        return [few, "latin_1"] if few == "cp1252" else [few]
    likely = [match.encoding for match in from_bytes(sample, cp_isolation=["cp1252", *_CODECS], threshold=0.4)]
    # Japanese may pass for rare Korean or Chinese; only in its own encodings is it full of kana.
    return [codec for codec in ("cp932", "euc_jp") if _kana(sample, codec) > 0.2] + likely


def _few_accents(sample: bytes) -> str:
    """The codec of a text of mostly ASCII; "" where none makes sense of the rest.

    Nearly every encoding of one byte a letter fits a few accents: the commonest is taken in which no accent is out of
    place, else the one in which fewest are.
    """
    readings = []
    for codec, alphabet in _FEW_ACCENTS:
        text = sample.decode(codec, errors="replace")
        foreign = [char for char in text if _is_foreign(char)]
        if alphabet.issuperset(foreign) and len(foreign) < 0.3 * sum(map(str.isalpha, text)):
            misplaced = _misplaced(text)
            # In Windows-1252 Hungarian has the Portuguese õ, but neither ç nor ã beside it.
            if not misplaced and (codec == "cp1252" or "ő" in foreign):
                return codec
            if (
                misplaced < 0.1 * len(foreign)
                and codec != "cp1250"
                and (len(foreign) >= _FEWEST or _COMMON & {*foreign})
            ):
                readings.append((misplaced, -sum(char in _COMMON for char in foreign), codec))
    return min(readings, key=lambda reading: reading[:2])[2] if readings else ""


def _misplaced(text: str) -> int:
    """How many accents stand where no writer puts them: marks inside words, and capitals behind small letters."""
    return sum(
        before.isalpha() and (before.islower() if char.isupper() else char not in _WITHIN_WORDS and after.isalpha())
        for before, char, after in zip(text, text[1:], text[2:], strict=False)
        if _is_foreign(char) and not char.islower()
    )


def _has_line_of_utf8(sample: bytes) -> bool:
    """Whether a line with accents is UTF-8, so that a text which is not has mixed encodings or a fault."""
    for line in sample.splitlines():
        if not line.isascii():
            try:
                text = line.decode()
            except UnicodeDecodeError:
                continue
            if _WESTERN.issuperset(char for char in text if _is_foreign(char)):
                return True
    return False


def _is_foreign(char: str) -> bool:
    return not char.isascii()


def _kana(sample: bytes, codec: str) -> float:
    """The share of hiragana and katakana among the letters that are not ASCII."""
    letters = [char for char in sample.decode(codec, errors="replace") if not char.isascii()]
    return sum("\u3041" <= char <= "\u30ff" for char in letters) / max(1, len(letters))
