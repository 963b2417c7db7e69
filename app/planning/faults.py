"""Which field of a recipe each of its problems belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

from lamp.config import TuneConfig
from lamp.errors import ConfigError

_RIGHT = {
    "data.input_columns": ("an input",),
    "data.target_column": "a target",
    "lamp.initial_text": "an instruction",
    "lamp.initial_prompt": "a run",
}
"""Values that are right where the default is not."""


def recipe_problems(config: TuneConfig) -> dict[str, str]:
    """Every problem of a recipe by itself, whatever the data set and the backbone are: sentence → key of a field.

    The field is the last one that mends the problem when it alone is set right; "" when none does.
    """
    problems = dict.fromkeys(_problems(config), "")
    if problems:
        for key, mended in _mended(config):
            remaining = _problems(mended)
            problems |= {sentence: key for sentence in problems if sentence not in remaining}
    return problems


def _mended(config: TuneConfig) -> Iterator[tuple[str, TuneConfig]]:
    """(key of a field, the recipe with a right value in it) for each field."""
    yield "backbone", replace(config, backbone="a backbone")
    for name in ("data", "lamp", "train"):
        section = getattr(config, name)
        for field in fields(section):
            key = f"{name}.{field.name}"
            right = _RIGHT.get(key, field.default)
            yield key, replace(config, **{name: replace(section, **{field.name: right})})


def _problems(config: TuneConfig) -> tuple[str, ...]:
    try:
        config.check()
    except ConfigError as error:
        return error.problems
    return ()
