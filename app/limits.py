"""What people and scripts may hand in: types, lengths and numbers, in one place for pages, the HTTP API and scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lamp.errors import ConfigError, DataError
from lamp.plain_line import visible
from lamp.text_limits import LONGEST_NAME, LONGEST_TEXT, text_problem

LONGEST_RUN_NAME = 120
_LONGEST_NOTE = 10_000
_LONGEST_TAG = 50
_MOST_TAGS = 20
_MOST_INPUTS = 100
_LONGEST_INPUT = 200_000
_LONGEST_SEARCH = 200
_MOST_LISTED = 5_000


def run_name(name: object) -> str:
    """A run's name without surrounding blanks. Raises ConfigError."""
    return visible(_text("The run's name", name, LONGEST_RUN_NAME).strip())


def token_name(name: object) -> str:
    """A token's name without surrounding blanks. Raises ConfigError."""
    stripped = visible(_text("The token's name", name, LONGEST_RUN_NAME).strip())
    if not stripped:
        raise ConfigError(["Give the token a name: what uses it, such as nightly training."])
    return stripped


def note(text: object) -> str:
    """A run's note without surrounding blanks. Raises ConfigError."""
    return _text("The note", text, _LONGEST_NOTE).strip()


def tags(words: Sequence[object]) -> list[str]:
    """A run's tags. Raises ConfigError."""
    if isinstance(words, str) or not isinstance(words, Sequence):
        raise ConfigError([f"The tags must be a list of words, not {shown(words)}."])
    if len(words) > _MOST_TAGS:
        raise ConfigError([f"A run can have {_MOST_TAGS} tags, not {len(words):,}: take some out."])
    return [visible(_text("A tag", word, _LONGEST_TAG).strip()) for word in words]


def name(what: str, text: object) -> str:
    """A name that is looked up, "" for null. what: begins the sentence, such as "The data set". Raises ConfigError."""
    return _text(what, "" if text is None else text, LONGEST_NAME)


def template(text: object) -> str:
    """A template for a prompt without a recipe, "" for null. Raises ConfigError."""
    return _text("The template", "" if text is None else text, LONGEST_TEXT)


def search(text: object) -> str:
    """Words to search for; what cannot be searched for is left out."""
    return str(text or "")[:_LONGEST_SEARCH].replace("\0", "").encode("utf-8", "ignore").decode()


def page(limit: object, offset: object) -> tuple[int, int]:
    """How many runs are listed, and from which on. Raises ConfigError."""
    return whole("limit", limit, 1, _MOST_LISTED), whole("offset", offset, 0, 2**31 - 1)


def whole(what: str, value: object, low: int, high: int) -> int:
    """A whole number in its bounds. Raises ConfigError."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError([f"The {what} must be a whole number between {low} and {high:,}, not {shown(value)}."])
    return value


def inputs(values: Sequence[Any]) -> None:
    """Checks the inputs that are to be answered: texts, or a text for each column. Raises DataError."""
    if isinstance(values, str | Mapping) or not isinstance(values, Sequence):
        raise DataError(f"Give a list of inputs to answer, not {shown(values)}.")
    if len(values) > _MOST_INPUTS:
        raise DataError(f"At most {_MOST_INPUTS} inputs are answered at a time, not {len(values):,}: ask in parts.")
    for value in values:
        cells = list(value.values()) if isinstance(value, Mapping) else [value]
        for cell in cells:
            if not isinstance(cell, str):
                raise DataError(f"An input must be a text or an object with a text for each column, not {shown(cell)}.")
            if problem := text_problem("An input", cell, _LONGEST_INPUT):
                raise DataError(problem)


def shown(value: object) -> str:
    """A bad value as a sentence quotes it: at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _text(what: str, value: object, longest: int) -> str:
    if not isinstance(value, str):
        raise ConfigError([f"{what} must be a text, not {shown(value)}."])
    if problem := text_problem(what, value.strip(), longest):
        raise ConfigError([problem])
    return value
