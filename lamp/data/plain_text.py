"""Tokenizes texts of which nothing becomes a special token, whatever a cell contains."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from tokenizers import Tokenizer

_UNREACHABLE = "\uffff"
"""A character that no text contains: a noncharacter of Unicode."""


class PlainText:
    """Encodes, for example, "</s>" as the four characters that it is."""

    def __init__(self, tokenizer: Any, affixes: str = "") -> None:
        """affixes: the text that a chat template puts around a text.

        Added tokens in it count as special, though some tokenizers do not mark them so.
        """
        self._tokenizer = tokenizer
        added = [
            token.content
            for token in tokenizer.added_tokens_decoder.values()
            if token.content.strip() and (token.special or token.content in affixes)
        ]
        longest_first = sorted(added, key=len, reverse=True)
        self._special = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def count(self, text: str) -> int:
        """Returns how many names of special tokens a text contains."""
        return len(self._special.findall(text))

    def ids(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Returns the token ids of a text.

        add_special_tokens: whether the tokenizer's own first and last tokens are added.
        """
        if self._tokenizer.is_fast:
            return self._backend.encode(text, add_special_tokens=add_special_tokens).ids
        ids: list[int] = self._tokenizer(
            text, add_special_tokens=add_special_tokens, split_special_tokens=True
        ).input_ids
        return ids

    def inside(self, prefix: str, text: str, suffix: str) -> tuple[str, str, str]:
        """Divides the same text differently: after the prefix's last special token, and before the suffix's first one.

        So plain text on both sides of a border is tokenized together, as it is if a text contains no special token.
        """
        start = max((match.end() for match in self._special.finditer(prefix)), default=0)
        match = self._special.search(suffix)
        end = match.start() if match else len(suffix)
        return prefix[:start], prefix[start:] + text + suffix[:end], suffix[end:]

    def stretches(self, pieces: Sequence[str], texts: Sequence[str]) -> list[tuple[str, bool]]:
        """Joins template pieces and the texts between them to stretches: (text, whether its special tokens count).

        pieces: one more than texts; special tokens count only in pieces. As for `inside`, plain text on both sides of a
        border is in one stretch.
        """
        stretches, plain = [], ""
        for index, piece in enumerate(pieces):
            places = [place for match in self._special.finditer(piece) for place in match.span()]
            start = 0 if index == 0 else min(places, default=len(piece))
            end = len(piece) if index == len(pieces) - 1 else max(places, default=start)
            if places:
                stretches += [(plain + piece[:start], False), (piece[start:end], True)]
                plain = piece[end:]
            else:
                plain += piece
            plain += texts[index] if index < len(texts) else ""
        return [(stretch, special) for stretch, special in [*stretches, (plain, False)] if stretch]

    @cached_property
    def _backend(self) -> Tokenizer:
        """The tokenizer without its added tokens."""
        parts = json.loads(self._tokenizer.backend_tokenizer.to_str())
        if parts["model"]["type"] == "Unigram":  # it would still find their names among its pieces
            for token in parts["added_tokens"]:
                if token["id"] < len(parts["model"]["vocab"]) and token["id"] != parts["model"]["unk_id"]:
                    parts["model"]["vocab"][token["id"]][0] = f"{_UNREACHABLE}{token['id']}"
        parts["added_tokens"] = []
        parts["truncation"] = parts["padding"] = None
        return Tokenizer.from_str(json.dumps(parts))
