"""Decodes a growing answer into pieces that are final: no later token changes what was returned."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
"""A token for a single byte; several of them can form one character."""
_INCOMPLETE = "\ufffd"
"""What tokenizers write for bytes that are not a complete character."""
_LAST_WORDS = re.compile(r"\s*\S*\s*\S*$")


class TextPieces:
    """Decodes the tokens of one answer piece by piece; all pieces joined are the text."""

    def __init__(self, tokenizer: Any, stops: Sequence[str] = ()) -> None:
        """stops: the text ends before the first of these."""
        self._tokenizer, self._stops = tokenizer, stops
        # Such tokenizers take out the space before a full stop or an "n't" when they see all of it.
        self._joins_words = bool(getattr(tokenizer, "clean_up_tokenization_spaces", False))
        self._ids: list[int] = []
        self._certain = ""
        self.text = ""
        """The text returned so far."""
        self.stopped = False
        """Whether a stop text was found."""

    @property
    def length(self) -> int:
        """Number of characters written so far, including those that are not final yet."""
        return len(self._decoded().lstrip())

    def take(self, token: int) -> str:
        """Adds a token and returns the new piece of final text, often empty."""
        self._ids.append(token)
        if _BYTE.fullmatch(str(self._tokenizer.convert_ids_to_tokens(token))):
            return ""
        certain = self._decoded().rstrip(_INCOMPLETE)
        if self._joins_words:
            certain = _LAST_WORDS.sub("", certain)
        self._certain = certain
        if self._cut():
            return self._give(self._certain.strip())
        held = max((self._begun(stop) for stop in self._stops), default=0)
        return self._give(self._certain[: len(self._certain) - held].strip())

    def end(self) -> str:
        """Returns the last piece, when no further token comes."""
        if not self.stopped:
            self._certain = self._decoded()
            self._cut()
        return self._give(self._certain.strip())

    def _decoded(self) -> str:
        text: str = self._tokenizer.decode(self._ids, skip_special_tokens=True)
        return text

    def _cut(self) -> bool:
        """Ends the text before the first stop text in it, if there is one."""
        places = [place for stop in self._stops if (place := self._certain.find(stop)) >= 0]
        if places:
            self._certain, self.stopped = self._certain[: min(places)], True
        return self.stopped

    def _begun(self, stop: str) -> int:
        """Returns how many characters at the end of the text may be the start of a stop text."""
        lengths = range(min(len(stop) - 1, len(self._certain)), 0, -1)
        return next((length for length in lengths if self._certain.endswith(stop[:length])), 0)

    def _give(self, text: str) -> str:
        if not text.startswith(self.text):
            return ""
        piece = text[len(self.text) :]
        self.text = text
        return piece
