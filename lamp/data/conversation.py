"""Conversations of several messages in one cell: compact JSON, which a chat template renders as separate turns."""

from __future__ import annotations

import json
from collections.abc import Sequence

Message = tuple[str, str]
"""(role, text); the usual roles are "system", "user" and "assistant"."""
_BEGINNING = '[{"role":"'


def to_cell(messages: Sequence[Message]) -> str:
    """Returns messages as the text of a cell."""
    listed = [{"role": role, "content": text} for role, text in messages]
    return json.dumps(listed, ensure_ascii=False, separators=(",", ":"))


def messages_in(cell: str) -> list[Message] | None:
    """Returns the messages in a cell that `to_cell` wrote; None for any other text, including other JSON."""
    if not cell.startswith(_BEGINNING):
        return None
    try:
        messages = [(item["role"], item["content"]) for item in json.loads(cell)]
        return messages if len(messages) > 1 and to_cell(messages) == cell else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def readable(text: str) -> str:
    """Returns a conversation with the role of each message on a line before it; any other text as it is."""
    messages = messages_in(text)
    return text if messages is None else flat(messages)


def flat(messages: Sequence[Message]) -> str:
    """Returns messages as one plain text, with the role of each on a line before it."""
    return "\n".join(f"{role}:\n{text}" for role, text in messages)


def without_system(messages: Sequence[Message]) -> list[Message]:
    """Rewrites messages for templates without a system role that require turns to alternate.

    The content of a system message is put before the next user message; consecutive messages of one role become one.
    """
    merged: list[Message] = []
    for role, text in [("user" if role == "system" else role, text) for role, text in messages]:
        if merged and merged[-1][0] == role:
            merged[-1] = (role, f"{merged[-1][1]}\n\n{text}")
        else:
            merged.append((role, text))
    return merged
