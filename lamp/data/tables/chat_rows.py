"""Rows that hold a conversation: its last answer becomes the target, and what stands before it the input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamp.data.conversation import Message, to_cell

LISTS = ("messages", "conversations", "conversation")
"""Names of columns that may hold whole conversations."""
CONVERSATIONS = frozenset({*LISTS, "prompt", "completion"})
"""Names of columns that may hold messages."""
_ROLES = {
    "human": "user",
    **dict.fromkeys(("gpt", "model", "bot", "chatbot"), "assistant"),
}
"""What other programs call the usual roles."""
INPUT, TARGET = "input", "target"
CHAT_NOTE = "Chat data: the last answer of each conversation is the target, and what stands before it the input."
"""A note of every table that was read from conversations."""


def plain_row(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose conversation stands in the columns `input` and `target`; the same row where it has none.

    What follows the last answer is left out; without an answer the target is "". An input of several messages is what
    `to_cell` makes of them.
    """
    messages, taken = conversation_of(row)
    if messages is None:
        return row
    others = {f"{name}_column" if name in (INPUT, TARGET) else name: row[name] for name in row if name not in taken}
    return {INPUT: _input(messages), TARGET: _target(messages), **others}


def conversation_of(row: Mapping[str, Any]) -> tuple[list[Message] | None, tuple[str, ...]]:
    """The messages of a row and the columns that hold them; None for a row without a conversation.

    A conversation is a list of messages with role and content, or from and value, under a usual name, or in two parts
    under prompt and completion. A content is a text or a list of parts of text.
    """
    for name in LISTS:
        messages = _messages(row.get(name))
        if messages is not None:
            return messages, (name,)
    prompt, completion = _messages(row.get("prompt")), _messages(row.get("completion"))
    if prompt is not None and completion is not None:
        return prompt + completion, ("prompt", "completion")
    return None, ()


def _messages(value: Any) -> list[Message] | None:
    """The messages in a list, with the usual names of their roles; None for a value that is no list of messages.

    A message that calls a tool is no text, so a list with one is none. An object of two lists, as the datasets library
    once wrote a list of objects, is such a list as well.
    """
    if (
        isinstance(value, dict)
        and value.keys() & {"role", "from"}
        and all(isinstance(part, list) for part in value.values())
    ):
        if len({len(part) for part in value.values()}) > 1:
            return None
        value = [dict(zip(value, parts, strict=True)) for parts in zip(*value.values(), strict=True)]
    if not isinstance(value, list):
        return None
    messages = []
    for item in value:
        if not isinstance(item, dict) or item.get("tool_calls") or item.get("function_call"):
            return None
        role, text = item.get("role", item.get("from")), _text(item.get("content", item.get("value")))
        if not isinstance(role, str) or text is None:
            return None
        messages.append((_ROLES.get(role.lower(), role.lower()), text.strip()))
    return messages


def _text(content: Any) -> str | None:
    """The text of a message; None for one that holds something else than text."""
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        read = [text for text in texts if isinstance(text, str)]
        return "".join(read) if len(read) == len(content) else None
    return content or "" if isinstance(content, (str, type(None))) else None


def _last_answer(messages: list[Message]) -> int:
    """Where the last answer stands; the end where there is none."""
    answers = [index for index, (role, _) in enumerate(messages) if role == "assistant"]
    return answers[-1] if answers else len(messages)


def _input(messages: list[Message]) -> str:
    """One message as its text; several as a conversation."""
    before = messages[: _last_answer(messages)]
    return to_cell(before) if len(before) > 1 else "".join(text for _, text in before)


def _target(messages: list[Message]) -> str:
    last = _last_answer(messages)
    return messages[last][1] if last < len(messages) else ""
