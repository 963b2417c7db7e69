"""Rows that hold a conversation: its last answer becomes the target, and what stands before it the input."""

from __future__ import annotations

from typing import Any

_LISTS = ("messages", "conversations", "conversation")
CONVERSATIONS = frozenset({*_LISTS, "prompt", "completion"})
"""Names of columns that may hold messages."""
_ANSWERING = {"assistant", "gpt", "model", "bot", "chatbot"}
INPUT, TARGET = "input", "target"


def plain_row(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose conversation stands in the columns `input` and `target`; the same row where it has none.

    A conversation is a list of messages with role and content, or from and value, under a usual name, or in two parts
    under prompt and completion. What follows the last answer is left out; without an answer the target is "".
    """
    for name in _LISTS:
        messages = _messages(row.get(name))
        if messages is not None:
            return {INPUT: _input(messages), TARGET: _target(messages), **_others(row, name)}
    prompt, completion = _messages(row.get("prompt")), _messages(row.get("completion"))
    if prompt is not None and completion is not None:
        messages = prompt + completion
        return {INPUT: _input(messages), TARGET: _target(messages), **_others(row, "prompt", "completion")}
    return row


def _others(row: dict[str, Any], *taken: str) -> dict[str, Any]:
    """The other columns of a row; one called input or target gets another name."""
    return {f"{name}_column" if name in (INPUT, TARGET) else name: row[name] for name in row if name not in taken}


def _messages(value: Any) -> list[tuple[str, str]] | None:
    """(role, text) of each message; None for a value that is no list of messages."""
    if not isinstance(value, list) or not value:
        return None
    messages = []
    for item in value:
        if not isinstance(item, dict):
            return None
        role, text = item.get("role", item.get("from")), item.get("content", item.get("value"))
        if not isinstance(role, str) or not isinstance(text, (str, type(None))):
            return None
        messages.append((role, text or ""))
    return messages


def _last_answer(messages: list[tuple[str, str]]) -> int:
    """Where the last answer stands; the end where there is none."""
    answers = [index for index, (role, _) in enumerate(messages) if role.lower() in _ANSWERING]
    return answers[-1] if answers else len(messages)


def _input(messages: list[tuple[str, str]]) -> str:
    """One message as it is; several with the role of each on a line before it."""
    before = messages[: _last_answer(messages)]
    if len(before) == 1:
        return before[0][1]
    return "\n".join(f"{role}:\n{text}" for role, text in before)


def _target(messages: list[tuple[str, str]]) -> str:
    last = _last_answer(messages)
    return messages[last][1] if last < len(messages) else ""
