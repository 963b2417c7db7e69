"""The chat template of an instruct model: what it puts around a user's message."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from lamp.errors import BackboneError

_MESSAGE = "\u2063message\u2063"
"""Placeholder for the message; the invisible separators keep it different from any text of a template."""
_LIST = "'type': 'text'"
"""Stands before the message where a template writes a list of parts as Python would."""

_DAY = datetime(2024, 7, 26)
"""The date that every template is given. Many write today's, which would change the prompt's input every day."""
_TEMPLATE_ARGUMENTS = {"date_string": _DAY.strftime("%d %b %Y"), "enable_thinking": False}
"""Fixed arguments for templates; some ask for a thinking part, which a tuned answer does not have."""
_DIRECTIVES = (*"aAbBdeHIjmMpSuUwyYFD", "-d", "-m", "-H", "-I")
"""The strftime directives that a template may use, without their "%"."""


class ChatAffixes(NamedTuple):
    """What a chat template puts around a user's message; both are empty for plain text."""

    prefix: str = ""
    suffix: str = ""
    """Comes after the message; the answer begins at its end."""


def chat_affixes(tokenizer: Any, reference: str) -> ChatAffixes:
    """What the tokenizer's chat template puts before a user's message, and after it up to where the answer begins.

    reference: what error sentences call the backbone. Raises BackboneError if there is no template, if it fails, or if
    it changes the message.
    """
    if not tokenizer.chat_template:
        raise BackboneError(no_template(reference))
    failure: Exception | None = None
    for content in (_MESSAGE, [{"type": "text", "text": _MESSAGE}]):  # models for images may only know lists of parts
        try:
            text = _rendered(tokenizer, content)
        except Exception as error:  # a template is a program of its own and may raise anything
            failure = failure or error
            continue
        prefix, separator, suffix = text.partition(_MESSAGE)
        if separator and _MESSAGE not in suffix and _LIST not in prefix:
            return ChatAffixes(prefix, suffix)
    if failure is not None:
        raise BackboneError(
            f"The chat template of the backbone {reference!r} cannot be used ({failure}): choose plain text."
        ) from failure
    raise BackboneError(f"The chat template of the backbone {reference!r} changes the message: choose plain text.")


def _rendered(tokenizer: Any, content: str | list[dict[str, str]]) -> str:
    """What a chat template makes of one message of a user, up to where the answer begins."""
    text: str = tokenizer.apply_chat_template(
        [{"role": "user", "content": content}],
        chat_template=_with_fixed_date(tokenizer.get_chat_template()),
        tokenize=False,
        add_generation_prompt=True,
        **_TEMPLATE_ARGUMENTS,
    )
    return text


def _with_fixed_date(template: str) -> str:
    """The template with a macro in the place of `strftime_now`, transformers' function for today's date.

    Functions cannot be given to a template as arguments, so the macro replaces each directive by its text.
    """
    if "strftime_now" not in template:
        return template
    replaced = "".join(f" | replace('%{name}', '{_DAY.strftime('%' + name)}')" for name in _DIRECTIVES)
    # "+%}" keeps a line break at the beginning of the template.
    return f"{{% macro strftime_now(format) %}}{{{{ format{replaced} }}}}{{% endmacro +%}}{template}"


def no_template(reference: str) -> str:
    """The error sentence for a backbone without a chat template."""
    return f"The backbone {reference!r} has no chat template: let it read plain text."
