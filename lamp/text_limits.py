"""Checks texts before they are used: their length, and characters that databases do not accept."""

from __future__ import annotations

import re
from collections import Counter

LONGEST_TEXT = 20_000
"""Limit on a template or an instruction, in characters."""
LONGEST_NAME = 1_000
"""Limit on the name of a backbone, a column or a data set, in characters."""
_MOST_MENTIONS = 8
"""How often a template may name one column, so that an input stays in proportion to its row."""


def text_problem(what: str, text: str, longest: int) -> str:
    """Returns one sentence that starts with `what`, such as "The template"; "" if nothing is wrong with the text."""
    if len(text) > longest:
        return f"{what} has {len(text):,} characters: shorten it to {longest:,}."
    # NUL ends a text in PostgreSQL; a lone surrogate is half a character, which cannot be stored at all.
    if re.search("[\0\ud800-\udfff]", text):
        return f"{what} holds a character that no text can hold (NUL, or half of a character): take it out."
    return ""


def text_problems(what: str, text: str) -> list[str]:
    """Returns the problem of a text that people write, if there is one."""
    problem = text_problem(what, text, LONGEST_TEXT)
    return [problem] if problem else []


def name_problems(what: str, *names: str) -> list[str]:
    """Returns the problem of the first name that has one, if there is one."""
    return [problem for name in names if (problem := text_problem(what, name, LONGEST_NAME))][:1]


def template_problems(template: str) -> list[str]:
    """Returns the problem of a recipe's template, if there is one."""
    if problems := text_problems("The template", template):
        return problems
    for column, count in Counter(re.findall(r"\{([^{}]*)\}", template)).most_common(1):
        if count > _MOST_MENTIONS:
            return [
                f"The template names {{{column[:60]}}} {count:,} times, and each time the whole cell is added to the "
                f"input: name a column at most {_MOST_MENTIONS} times."
            ]
    return []
