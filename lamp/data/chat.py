"""The chat template of an instruct model: the text that it puts around a user's message or a conversation."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from lamp.errors import BackboneError

_MESSAGE = "\u2063message{}\u2063"
"""Placeholder for a message, with its number; the invisible separators keep it different from any text of a template.
"""
_LIST = "'type': 'text'"
"""Precedes the message if a template writes a list of parts as Python would."""

_DAY = datetime(2024, 7, 26)
"""The date that every template gets. Many would write today's, which would change the prompt's input every day."""
TEMPLATE_ARGUMENTS = {"date_string": _DAY.strftime("%d %b %Y"), "enable_thinking": False}
"""Fixed arguments for templates; some switch off a thinking part, which a tuned answer does not have."""
_DIRECTIVES = (*"aAbBdeHIjmMpSuUwyYFD", "-d", "-m", "-H", "-I")
"""The strftime directives that a template may use, without "%"."""


class ChatAffixes(NamedTuple):
    """The text that a chat template puts around a user's message; both parts are empty for plain text."""

    prefix: str = ""
    suffix: str = ""
    """Follows the message; the answer starts at its end."""


def chat_affixes(tokenizer: Any, reference: str) -> ChatAffixes:
    """Returns the text that the tokenizer's chat template puts before a user's message, and after it up to the answer.

    reference: what error sentences call the backbone. Raises BackboneError if there is no template, if it fails, or if
    it changes the message.
    """
    if not tokenizer.chat_template:
        raise BackboneError(no_template(reference))
    pieces, failure = _pieces(tokenizer, ["user"])
    if pieces is not None:
        return ChatAffixes(*pieces)
    if failure is not None:
        raise BackboneError(
            f"The chat template of the backbone {reference!r} cannot be used ({failure}): choose plain text."
        ) from failure
    raise BackboneError(f"The chat template of the backbone {reference!r} changes the message: choose plain text.")


def chat_pieces(tokenizer: Any, roles: Sequence[str]) -> list[str] | None:
    """Returns the texts that the chat template puts before, between and after messages with these roles.

    The last one ends where the answer starts. None for a conversation that the template cannot write: some know no
    system message, or require turns to alternate.
    """
    return _pieces(tokenizer, roles)[0]


def _pieces(tokenizer: Any, roles: Sequence[str]) -> tuple[list[str] | None, Exception | None]:
    """Does the work of `chat_pieces`; also returns the error that the template raised."""
    marks = [_MESSAGE.format(number) for number in range(len(roles))]
    failure: Exception | None = None
    for in_parts in (False, True):  # models for images may only know lists of parts
        contents = [[{"type": "text", "text": mark}] if in_parts else mark for mark in marks]
        messages = [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]
        try:
            text = _rendered(tokenizer, messages)
        except Exception as error:  # a template is a program of its own and may raise anything
            failure = failure or error
            continue
        pieces = re.split("|".join(map(re.escape, marks)), text)
        if re.findall("|".join(map(re.escape, marks)), text) == marks and _LIST not in pieces[0]:
            return pieces, None
    return None, failure


def _rendered(tokenizer: Any, messages: list[dict[str, Any]]) -> str:
    """Applies a chat template to messages, up to where the answer starts."""
    text: str = tokenizer.apply_chat_template(
        messages,
        chat_template=_with_fixed_date(tokenizer.get_chat_template()),
        tokenize=False,
        add_generation_prompt=True,
        **TEMPLATE_ARGUMENTS,
    )
    return text


def template_behind(before: str, template: str) -> str:
    """Returns a chat template that writes `before` first and then, without needing arguments, the same as in training.

    before: text that is not empty, without Jinja in it.
    """
    settings = "".join(f"{{%- set {name} = {json.dumps(value)} -%}}" for name, value in TEMPLATE_ARGUMENTS.items())
    macro, dated = "", _with_fixed_date(template)
    if dated != template:
        macro = dated.removesuffix(template).replace("+%}", "-%}")
    return f"{settings}{macro}{before}{template}"


def _with_fixed_date(template: str) -> str:
    """Returns the template with a macro instead of `strftime_now`, transformers' function for today's date.

    Functions cannot be passed to a template as arguments, so the macro replaces each directive by its text.
    """
    if "strftime_now" not in template:
        return template
    replaced = "".join(f" | replace('%{name}', '{_DAY.strftime('%' + name)}')" for name in _DIRECTIVES)
    # "+%}" keeps a line break at the beginning of the template.
    return f"{{% macro strftime_now(format) %}}{{{{ format{replaced} }}}}{{% endmacro +%}}{template}"


def no_template(reference: str) -> str:
    """Returns the error sentence for a backbone without a chat template."""
    return f"The backbone {reference!r} has no chat template: let it read plain text."
