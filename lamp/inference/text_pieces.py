"""A text as it grows, in pieces that are certain: no later token changes what was given."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
"""A token that stands for one byte; several of them may make one character."""
_HALF = "\ufffd"
"""What a tokenizer writes for bytes that are no whole character."""
_LAST_WORDS = re.compile(r"\s*\S*\s*\S*$")


class TextPieces:
    """Makes one answer's text of its tokens; all pieces joined are the text."""

    def __init__(self, tokenizer: Any, stops: Sequence[str] = ()) -> None:
        """stops: the text ends before the first of them."""
        self._tokenizer, self._stops = tokenizer, stops
        # Such tokenizers take out the space before a full stop or an "n't" when they see all of it.
        self._joins_words = bool(getattr(tokenizer, "clean_up_tokenization_spaces", False))
        self._ids: list[int] = []
        self._certain = ""
        self.text = ""
        """What was given so far."""
        self.stopped = False
        """Whether one of `stops` was met."""

    @property
    def length(self) -> int:
        """Characters that are written so far, those that are not certain yet among them."""
        return len(self._decoded().lstrip())

    def take(self, token: int) -> str:
        """The piece that is certain after one more token; often empty."""
        self._ids.append(token)
        if _BYTE.fullmatch(str(self._tokenizer.convert_ids_to_tokens(token))):
            return ""
        certain = self._decoded().rstrip(_HALF)
        if self._joins_words:
            certain = _LAST_WORDS.sub("", certain)
        self._certain = certain
        if self._cut():
            return self._give(self._certain.strip())
        held = max((self._begun(stop) for stop in self._stops), default=0)
        return self._give(self._certain[: len(self._certain) - held].strip())

    def end(self) -> str:
        """The last piece, when no token follows."""
        if not self.stopped:
            self._certain = self._decoded()
            self._cut()
        return self._give(self._certain.strip())

    def _decoded(self) -> str:
        text: str = self._tokenizer.decode(self._ids, skip_special_tokens=True)
        return text

    def _cut(self) -> bool:
        """Ends the text before the first stop that it holds, if there is one."""
        places = [place for stop in self._stops if (place := self._certain.find(stop)) >= 0]
        if places:
            self._certain, self.stopped = self._certain[: min(places)], True
        return self.stopped

    def _begun(self, stop: str) -> int:
        """How many characters at the end of the text may be the beginning of a stop."""
        lengths = range(min(len(stop) - 1, len(self._certain)), 0, -1)
        return next((length for length in lengths if self._certain.endswith(stop[:length])), 0)

    def _give(self, text: str) -> str:
        if not text.startswith(self.text):
            return ""
        piece = text[len(self.text) :]
        self.text = text
        return piece
