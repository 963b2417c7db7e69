"""Encodes conversations, whose messages become the turns of a backbone's chat template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lamp.data.chat import ChatAffixes, chat_pieces
from lamp.data.conversation import Message, flat, without_system
from lamp.data.plain_text import PlainText
from lamp.errors import BackboneError

_USUAL = (("system", "user", "assistant", "user"), ("user", "assistant", "user"))
"""Roles of sample conversations that show which special tokens a template writes."""


@dataclass(frozen=True)
class TurnIds:
    """A conversation as token ids."""

    ids: list[int]
    cut: bool
    """Whether it was too long: its oldest messages, or the end of the last one, are left out."""
    joined: bool
    """Whether some messages were joined, because the template could not write them separately."""


class ChatTurns:
    """Encodes conversations for one backbone."""

    def __init__(self, tokenizer: Any, chat: ChatAffixes, limit: int) -> None:
        """chat: the text that the template puts around a single message; limit: tokens of a conversation, template
        included."""
        self._tokenizer, self._chat, self._limit = tokenizer, chat, limit
        self._known: dict[tuple[str, ...], list[str] | None] = {}

    def encode(self, messages: Sequence[Message]) -> TurnIds:
        """Encodes a conversation. Raises BackboneError if the prompt was trained with another chat template."""
        if self._pieces(("user",)) != list(self._chat):
            raise BackboneError(
                "The chat template of the backbone is not the one that the prompt was trained with, so it cannot read "
                "conversations: give it the backbone of that time, or a single message."
            )
        ids, joined = self._ids(messages)
        kept = messages
        while len(ids) > self._limit and (shorter := _without_oldest(kept)) is not None:
            kept = shorter
            ids, joined = self._ids(kept)
        if len(ids) > self._limit:
            tail = min(self._limit - 1, len(self._tokenizer(self._chat.suffix, add_special_tokens=False).input_ids))
            ids = [*ids[: self._limit - tail], *ids[len(ids) - tail :]]
            return TurnIds(ids, True, joined)
        return TurnIds(ids, kept is not messages, joined)

    def _ids(self, messages: Sequence[Message]) -> tuple[list[int], bool]:
        """Returns the token ids of messages, and whether some were joined."""
        for turns in (messages, without_system(messages)):
            pieces = self._pieces(tuple(role for role, _ in turns))
            if pieces is not None:
                return self._joined(pieces, [text for _, text in turns]), turns is not messages
        return self._joined(list(self._chat), [flat(messages)]), True

    def _joined(self, pieces: list[str], texts: list[str]) -> list[int]:
        """Returns the token ids of texts between a template's pieces; only tokens of the pieces are special."""
        if not any(map(self._cells.count, texts)):
            whole = "".join(part for pair in zip(pieces, [*texts, ""], strict=True) for part in pair)
            ids: list[int] = self._tokenizer(whole, add_special_tokens=False).input_ids
            return ids
        ids = []
        for stretch, special in self._cells.stretches(pieces, texts):
            if special:
                ids += self._tokenizer(stretch, add_special_tokens=False).input_ids
            else:
                ids += self._cells.ids(stretch, add_special_tokens=False)
        return ids

    def _pieces(self, roles: tuple[str, ...]) -> list[str] | None:
        if roles not in self._known:
            self._known[roles] = chat_pieces(self._tokenizer, roles)
        return self._known[roles]

    @cached_property
    def _cells(self) -> PlainText:
        usual = next((pieces for roles in _USUAL if (pieces := self._pieces(roles)) is not None), list(self._chat))
        return PlainText(self._tokenizer, "".join(usual))


def _without_oldest(messages: Sequence[Message]) -> Sequence[Message] | None:
    """Returns the messages without the oldest turn after the system messages; None if only the last message is left."""
    head = 0
    while head < len(messages) - 1 and messages[head][0] == "system":
        head += 1
    rest = list(messages[head + 1 :])
    while len(rest) > 1 and rest[0][0] != "user":
        rest = rest[1:]
    return [*messages[:head], *rest] if rest else None
