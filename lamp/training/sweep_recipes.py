"""Checks and names for recipes that are trained side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from lamp.config import TuneConfig
from lamp.errors import ConfigError

_RATE, _SEED = "train.learning_rate", "train.seed"
_TEXTS = ("lamp.initial_text", "lamp.initial_prompt")
"""Fields whose values are too long for a name."""


def check_sweep(recipes: Sequence[TuneConfig]) -> None:
    """Raises ConfigError if a recipe has a problem, or if the recipes cannot be trained side by side.

    All share the batch size, the rows and the number of steps, so a difference there would be ignored.
    """
    for recipe in recipes:
        recipe.check()
    problems = []
    refused = [name for name in differing(recipes) if name not in (_RATE, _SEED) and not name.startswith("lamp.")]
    if refused:
        problems.append(
            "The recipes of a sweep may differ in their learning rate, their seed and their lamp section, but these "
            f"also differ in {' and '.join(refused)}: give them one value."
        )
    if any(recipe.train.learning_rate == "found" for recipe in recipes):
        problems.append('The learning rates of a sweep must be numbers, not "found": name those to try.')
    if len(set(recipes)) < len(recipes):
        problems.append("Two recipes of the sweep are the same: leave one of them out.")
    if problems:
        raise ConfigError(problems)


def differing(recipes: Sequence[TuneConfig]) -> list[str]:
    """Returns the names of the fields in which the recipes differ, such as "train.seed"."""
    first, others = _values(recipes[0]), [_values(recipe) for recipe in recipes[1:]]
    return [name for name, value in first.items() if any(other[name] != value for other in others)]


def differ_in_rate(recipes: Sequence[TuneConfig]) -> bool:
    """Returns whether they differ only in their learning rate."""
    return set(differing(recipes)) <= {_RATE}


def names_of(recipes: Sequence[TuneConfig]) -> list[str]:
    """Returns a name for each recipe that says how it differs, such as "learning_rate 0.04, seed 1".

    If only the learning rate differs, the name is the number, such as "0.04". Metrics are named after the recipes, so
    names have no slash.
    """
    values, names = [_values(recipe) for recipe in recipes], differing(recipes) or [_RATE]
    texts = {name: list(dict.fromkeys(value[name] for value in values)) for name in _TEXTS}

    def shown(name: str, value: object) -> str:
        if name in _TEXTS:
            return str(texts[name].index(value) + 1)
        if name != _RATE:
            return str(value)
        rates = {of_recipe[_RATE] for of_recipe in values}
        return f"{value:g}" if len({f"{rate:g}" for rate in rates}) == len(rates) else repr(value)

    if names == [_RATE]:
        return [shown(_RATE, of_recipe[_RATE]) for of_recipe in values]
    return [", ".join(f"{name.split('.')[1]} {shown(name, value[name])}" for name in names) for value in values]


def _values(recipe: TuneConfig) -> dict[str, object]:
    """Returns every field by section and name: learning rate and seed first, because names begin with these."""
    sections: dict[str, Any] = {"train": recipe.train, "lamp": recipe.lamp, "data": recipe.data}
    values = {
        f"{section}.{field.name}": getattr(value, field.name)
        for section, value in sections.items()
        for field in fields(value)
    }
    return {_RATE: values[_RATE], _SEED: values[_SEED], "backbone": recipe.backbone, **values}
