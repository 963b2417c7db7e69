"""What is wrong with a text before anything is made of it: its length, and characters that no database takes."""

from __future__ import annotations

import re
from collections import Counter

LONGEST_TEXT = 20_000
"""Characters of a template, and of an instruction."""
LONGEST_NAME = 1_000
"""Characters of the name of a backbone, a column or a data set, all of which are looked up."""
_MOST_MENTIONS = 8
"""How often a template may name one column, so that an input stays in proportion to its row."""


def text_problem(what: str, text: str, longest: int) -> str:
    """One sentence that begins with `what`, such as "The template"; "" for a text that is fine."""
    if len(text) > longest:
        return f"{what} has {len(text):,} characters: shorten it to {longest:,}."
    # NUL ends a text in PostgreSQL; a lone surrogate is half a character, which cannot be stored at all.
    if re.search("[\0\ud800-\udfff]", text):
        return f"{what} holds a character that no text can hold (NUL, or half of a character): take it out."
    return ""


def text_problems(what: str, text: str) -> list[str]:
    """The problem of a text that people write, or none."""
    problem = text_problem(what, text, LONGEST_TEXT)
    return [problem] if problem else []


def name_problems(what: str, *names: str) -> list[str]:
    """The problem of the first name that has one, or none."""
    return [problem for name in names if (problem := text_problem(what, name, LONGEST_NAME))][:1]


def template_problems(template: str) -> list[str]:
    """The problem of a recipe's template, or none."""
    if problems := text_problems("The template", template):
        return problems
    for column, count in Counter(re.findall(r"\{([^{}]*)\}", template)).most_common(1):
        if count > _MOST_MENTIONS:
            return [
                f"The template names {{{column[:60]}}} {count:,} times, and each time the whole cell is added to the "
                f"input: name a column at most {_MOST_MENTIONS} times."
            ]
    return []
