"""Builds frozen dataclasses from parsed JSON, with one sentence for every field that does not fit."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, TypeGuard, TypeVar, Union, get_args, get_origin, get_type_hints

_Section = TypeVar("_Section")
_LARGEST = 1e18
"""JSON has whole numbers of any length, and Python raises OverflowError where a long one becomes a float."""


def build(cls: type[_Section], values: object, where: str, problems: list[str]) -> _Section:
    """Creates a `cls` from the fields in `values`; missing fields get their defaults.

    where: what the sentences call the object; problems: gets one more sentence for each field that is unknown or of the
    wrong type.
    """
    if not isinstance(values, dict):
        problems.append(f"{where} must be an object with named fields, not {_quoted(values)}.")
        return cls()
    hints = get_type_hints(cls)
    for name in values:
        if name not in hints:
            problems.append(f"{where} has no field {_quoted(name)}; it has {', '.join(hints)}.")
    fields = {
        name: _value(hints[name], value, f"{where}.{name}", problems) for name, value in values.items() if name in hints
    }
    return cls(**{name: value for name, value in fields.items() if value is not None})


def _value(hint: Any, value: object, where: str, problems: list[str]) -> Any:
    """Converts `value` to the type `hint`, or returns None and adds a sentence to `problems`.

    where: what the sentence calls it.
    """
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return build(hint, value, where, problems)
    if hint is int and _is_number(value) and float(value).is_integer():
        return int(value)
    if hint is float and _is_number(value):
        return float(value)
    if hint is bool and isinstance(value, bool):
        return value
    if hint is str and isinstance(value, str):
        return value
    if hint == tuple[str, ...] and isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if get_origin(hint) is Union:  # a number, or a word in its place
        word = next(part for part in get_args(hint) if part is not float)
        return _value(word if isinstance(value, str) else float, value, where, problems)
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    if choices and isinstance(value, str) and value in choices:
        return value
    if isinstance(value, int) and abs(value) > _LARGEST:
        problems.append(f"{where} is too large a number: {_quoted(value)}.")
        return None
    problems.append(f"{where} must be {_expected(hint, choices)}, not {_quoted(value)}.")
    return None


def _is_number(value: object) -> TypeGuard[int | float]:
    """Returns whether it is a finite number of a size that fields can have."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _expected(hint: Any, choices: tuple[str, ...]) -> str:
    if choices:
        return "one of " + ", ".join(choices) if len(choices) > 1 else f"a finite number or {choices[0]!r}"
    names = {int: "a whole number", float: "a finite number", bool: "true or false", str: "a text"}
    return names.get(hint, "a list of column names")


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
