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
_WESTERN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüÿŒœŸ“”‘’‚„–—…•€£§°©®™«»¿¡´·\xa0")
_CODECS = ("cp1250", "cp1251", "cp1253", "cp1254", "cp1256", "koi8_r", "cp932", "euc_jp", "gb18030", "big5", "cp949")
_NAMES = {
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


def marked_encoding(head: bytes) -> Encoding | None:
    """The encoding that the byte order mark at the start of a file names."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return UTF_16
    return UTF_8_MARKED if head.startswith(codecs.BOM_UTF8) else None


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
    for codec in _likely(whole):
        encoding = Encoding(codec, _NAMES.get(codec, codec.replace("cp", "Windows-")))
        if first_bad_byte(path, encoding) is None:
            return encoding
    return None


def _likely(sample: bytes) -> list[str]:
    """Codecs to try, the likeliest first."""
    from charset_normalizer import from_bytes

    western = sample.decode("cp1252", errors="replace")
    letters = [char for char in western if char.isalpha()]
    foreign = [char for char in western if not char.isascii()]
    # Nearly every encoding of one byte a letter fits a few accents; the commonest is taken where it makes sense.
    if _WESTERN.issuperset(foreign) and len(foreign) < 0.3 * len(letters):
        return ["cp1252", "latin_1"]
    likely = [match.encoding for match in from_bytes(sample, cp_isolation=["cp1252", *_CODECS], threshold=0.4)]
    # Japanese may pass for rare Korean or Chinese; only in its own encodings is it full of kana.
    return [codec for codec in ("cp932", "euc_jp") if _kana(sample, codec) > 0.2] + likely


def _kana(sample: bytes, codec: str) -> float:
    """The share of hiragana and katakana among the letters that are not ASCII."""
    letters = [char for char in sample.decode(codec, errors="replace") if not char.isascii()]
    return sum("\u3041" <= char <= "\u30ff" for char in letters) / max(1, len(letters))
