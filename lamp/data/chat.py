"""How an instruct model wants to be addressed: what its chat template puts around a message."""

from __future__ import annotations

from typing import Any, NamedTuple

from lamp.errors import BackboneError

_MESSAGE = "\u2063message\u2063"
"""Stands in for the message; invisible separators keep it from being anybody's words."""

_FIXED = {"date_string": "26 Jul 2024", "enable_thinking": False}
"""What templates may ask for: some write today's date, with which a prompt would be read differently every day, and
some leave room for thoughts, which a tuned answer does without."""


class ChatAffixes(NamedTuple):
    """What a chat template puts around a user's message; both are empty for plain text."""

    prefix: str = ""
    suffix: str = ""
    """Ends where the answer begins."""


def chat_affixes(tokenizer: Any, reference: str) -> ChatAffixes:
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
    prefix, separator, suffix = text.partition(_MESSAGE)
    if not separator or _MESSAGE in suffix:
        raise BackboneError(f"The chat template of the backbone {reference!r} changes the message: choose plain text.")
    return ChatAffixes(prefix, suffix)


def no_template(reference: str) -> str:
    """The sentence for a backbone without a chat template."""
    return f"The backbone {reference!r} has no chat template: let it read plain text."
