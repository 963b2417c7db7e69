"""Form values to a recipe and back, with every problem at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from app.ui.tune.recipe_fields import FIELDS, PRESETS, Field
from lamp.config import DataConfig, LampConfig, TrainConfig, TuneConfig
from lamp.errors import ConfigError

Values = Mapping[str, Any]
"""Field key → what the form holds; the keys are those of `FIELDS`, "backbone" and the columns."""


def read(values: Values) -> TuneConfig:
    """The recipe that the form describes. Raises one ConfigError with every problem of it."""
    config, problems = draft(values)
    try:
        config.check()
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(dict.fromkeys(problems))
    return config


def draft(values: Values) -> tuple[TuneConfig, list[str]]:
    """The recipe as far as it can be read, unread fields at their defaults, and what could not be read."""
    sections: dict[str, dict[str, Any]] = {"data": {}, "lamp": {}, "train": {}}
    problems: list[str] = []
    for field in FIELDS:
        if field.key not in values:
            continue
        section, name = field.key.split(".")
        value, problem = _cell(field, values[field.key])
        if problem:
            problems.append(problem)
        else:
            sections[section][name] = value
    sections["data"]["input_columns"] = columns(values.get("data.input_columns"))
    sections["data"]["target_column"] = str(values.get("data.target_column") or "")
    return TuneConfig(
        backbone=str(values.get("backbone") or "").strip(),
        data=DataConfig(**sections["data"]),
        lamp=LampConfig(**sections["lamp"]),
        train=TrainConfig(**sections["train"]),
    ), problems


def columns(value: object) -> tuple[str, ...]:
    """The chosen columns, of a list, a single name or nothing."""
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(map(str, value)) if isinstance(value, Sequence) else ()


def fill(config: TuneConfig) -> dict[str, Any]:
    """The form values that describe a recipe; `read` takes them back."""
    values: dict[str, Any] = {
        "backbone": config.backbone,
        "data.input_columns": list(config.data.input_columns),
        "data.target_column": config.data.target_column,
    }
    for field in FIELDS:
        section, name = field.key.split(".")
        values[field.key] = getattr(getattr(config, section), name)
    return values


def preset_of(values: Values) -> str | None:
    """The preset that the form's numbers are those of, if any."""
    for name, preset in PRESETS.items():
        if all(values.get(key) == value for key, value in preset.items()):
            return name
    return None


def _cell(field: Field, value: Any) -> tuple[Any, str]:
    """A field's value as the recipe wants it, and a sentence when it cannot be had."""
    if field.kind in {"text", "run"}:
        return str(value or ""), ""
    if field.kind == "choice":
        allowed = [choice for _, choice in field.choices]
        if value in allowed:
            return value, ""
        return None, f"{field.label} must be one of {', '.join(shown for shown, _ in field.choices)}."
    if field.kind == "switch":
        return bool(value), ""
    if value is None or value == "":
        return None, f"{field.label} is empty: give a number, such as {field.default:g}."
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None, f"{field.label} must be a number, not {str(value)[:40]!r}."
    if not math.isfinite(number):
        return None, f"{field.label} must be a number, not {value}."
    if field.kind == "number":
        return number, ""
    if number.is_integer():
        return int(number), ""
    return None, f"{field.label} must be a whole number, not {value}."
