"""How an instruct model wants to be addressed: what its chat template puts around a message."""

from __future__ import annotations

from typing import Any

from lamp.errors import BackboneError

_MESSAGE = "\u2063message\u2063"
"""Stands in for the message; invisible separators keep it from being anybody's words."""

_FIXED = {"date_string": "26 Jul 2024", "enable_thinking": False}
"""What templates may ask for: some write today's date, with which a prompt would be read differently every day, and
some leave room for thoughts, which a tuned answer does without."""


def around_message(tokenizer: Any, reference: str) -> tuple[str, str]:
    """The text that the chat template puts before a user's message, and after it up to where the answer begins.

    Raises BackboneError when the tokenizer has no such template.
    """
    if not tokenizer.chat_template:
        raise BackboneError(no_template(reference))
    try:
        text = tokenizer.apply_chat_template(
            [{"role": "user", "content": _MESSAGE}], tokenize=False, add_generation_prompt=True, **_FIXED
        )
    except Exception as error:  # a template is a program of the model's makers, and may raise anything
        raise BackboneError(
            f"The chat template of the backbone {reference!r} cannot be used ({error}): choose plain text."
        ) from error
    before, found, after = text.partition(_MESSAGE)
    if not found or _MESSAGE in after:
        raise BackboneError(f"The chat template of the backbone {reference!r} changes the message: choose plain text.")
    return before, after


def no_template(reference: str) -> str:
    """The sentence for a backbone without a chat template."""
    return f"The backbone {reference!r} has no chat template: let it read plain text."
