"""Splits texts in any script into the tokens that text scores compare."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import regex

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
"""Scripts that write words without spaces between them."""
_TOKEN = regex.compile(
    rf"[{_UNSPACED}]\p{{M}}*|[[\p{{L}}\p{{N}}]--[{_UNSPACED}]][[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]*", regex.V1
)
_SYMBOL = regex.compile(r"\S\p{M}*")


class UnicodeTokenizer:
    """A tokenizer for rouge_score, whose own tokenizer drops every letter except a to z."""

    def tokenize(self, text: str) -> list[str]:
        """Returns lower-case words without punctuation; single characters for scripts without spaces between words.

        A text without any letter or digit is split into its symbols.
        """
        normalized = unicodedata.normalize("NFC", text).casefold()
        tokens: list[str] = _TOKEN.findall(normalized) or _SYMBOL.findall(normalized)
        return tokens


def plain(text: str) -> str:
    """Normalises a text: composed characters (NFC), and one space for each run of blanks."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def bleu_tokenizer(references: Sequence[str]) -> str:
    """Returns the name of sacrebleu's tokenizer for the script that most of the references are written in.

    "13a" is the standard for European languages, "zh" for Chinese. "intl" also splits the punctuation of other scripts.
    Scripts whose words can only be found with a dictionary are compared by character ("char").
    """
    text = "".join(references)

    def share(scripts: str) -> float:
        return len(regex.findall(f"[{scripts}]", text)) / max(1, len(regex.findall(r"\p{L}", text)))

    if share(_UNSPACED) > 0.5:
        is_japanese = share(r"\p{Hiragana}\p{Katakana}") > 0.1
        return "zh" if share(r"\p{Han}") > 0.5 and not is_japanese else "char"
    return "13a" if share(r"\p{Latin}\p{Cyrillic}\p{Greek}") >= 0.5 or not share(r"\p{L}") else "intl"
