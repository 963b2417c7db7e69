"""The tokens that text scores compare, for texts in any script."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import regex

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
"""Scripts that put no space between words."""
_TOKEN = regex.compile(
    rf"[{_UNSPACED}]\p{{M}}*|[[\p{{L}}\p{{N}}]--[{_UNSPACED}]][[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]*", regex.V1
)
_SYMBOL = regex.compile(r"\S\p{M}*")


class UnicodeTokenizer:
    """A tokenizer for rouge_score, whose own one drops every letter beyond a to z."""

    def tokenize(self, text: str) -> list[str]:
        """Words without case and punctuation; single characters where a script has no spaces between words.

        A text without any letter or digit has its symbols for tokens.
        """
        normalized = unicodedata.normalize("NFC", text).casefold()
        tokens: list[str] = _TOKEN.findall(normalized) or _SYMBOL.findall(normalized)
        return tokens


def plain(text: str) -> str:
    """The text with one way to compose its characters (NFC) and one space where it has blanks."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def bleu_tokenizer(references: Sequence[str]) -> str:
    """The name of sacrebleu's tokenizer for the script in which most of the references are written.

    "13a" is what the field quotes for European languages, "zh" for Chinese. "intl" also splits the punctuation of other
    scripts. Single characters ("char") stand in for words where finding them needs a dictionary.
    """
    text = "".join(references)

    def share(scripts: str) -> float:
        return len(regex.findall(f"[{scripts}]", text)) / max(1, len(regex.findall(r"\p{L}", text)))

    if share(_UNSPACED) > 0.5:
        is_japanese = share(r"\p{Hiragana}\p{Katakana}") > 0.1
        return "zh" if share(r"\p{Han}") > 0.5 and not is_japanese else "char"
    return "13a" if share(r"\p{Latin}\p{Cyrillic}\p{Greek}") >= 0.5 or not share(r"\p{L}") else "intl"
