"""Parses form values into a recipe, and turns a recipe into form values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from app.ui.tune.recipe_fields import FIELDS, Field
from app.views import formatting
from lamp.config import DataConfig, LampConfig, TrainConfig, TuneConfig

Values = Mapping[str, Any]
"""Form value of each field key: the keys of `FIELDS`, "backbone", "data.input_columns" and "data.target_column"."""


def parse(values: Values) -> tuple[TuneConfig, list[str]]:
    """The recipe, with defaults for values that cannot be parsed, and one sentence for each of those."""
    sections: dict[str, dict[str, Any]] = {"data": {}, "lamp": {}, "train": {}}
    problems = unparsed(values)
    for field in FIELDS:
        if field.key in values and field.key not in problems.values():
            section, name = field.key.split(".")
            sections[section][name] = _parse_field(field, values[field.key])[0]
    sections["data"]["input_columns"] = columns(values.get("data.input_columns"))
    sections["data"]["target_column"] = str(values.get("data.target_column") or "")
    return TuneConfig(
        backbone=str(values.get("backbone") or "").strip(),
        data=DataConfig(**sections["data"]),
        lamp=LampConfig(**sections["lamp"]),
        train=TrainConfig(**sections["train"]),
    ), list(problems)


def unparsed(values: Values) -> dict[str, str]:
    """A sentence for each value that cannot be parsed → the field's key."""
    sentences = {_parse_field(field, values[field.key])[1]: field.key for field in FIELDS if field.key in values}
    sentences.pop("", None)
    return sentences


def columns(value: object) -> tuple[str, ...]:
    """The chosen columns; value: a list of names, one name, or nothing."""
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(map(str, value)) if isinstance(value, Sequence) else ()


def gpus(value: object) -> int:
    """The number of GPUs; value: as the browser sends it."""
    return value if isinstance(value, int) else 1


def values_of(config: TuneConfig) -> dict[str, Any]:
    """The form values of a recipe; `parse` gives the recipe back."""
    values: dict[str, Any] = {
        "backbone": config.backbone,
        "data.input_columns": list(config.data.input_columns),
        "data.target_column": config.data.target_column,
    }
    for field in FIELDS:
        section, name = field.key.split(".")
        value = getattr(getattr(config, section), name)
        values[field.key] = str(value) if field.kind == "rate" else value
    return values


def _number(value: Any) -> float | None:
    """A number or the text of one; None for anything else."""
    try:
        return formatting.parse_number(str(value))
    except ValueError:
        return None


def _parse_field(field: Field, value: Any) -> tuple[Any, str]:
    """(value for the recipe, "") or (None, a sentence that says what is wrong with it)."""
    if field.kind in {"text", "run", "dataset"}:
        return str(value or ""), ""
    if field.kind == "choice":
        allowed = [choice for _, choice in field.choices]
        if value in allowed:
            return value, ""
        return None, f"{field.label} must be one of {', '.join(label for label, _ in field.choices)}."
    if field.kind == "switch":
        return bool(value), ""
    if field.kind == "rate" and value == field.default:
        return value, ""
    if value is None or value == "":
        return None, f"{field.label} is empty: give a number, such as {_example(field)}."
    number = _number(value)
    if number is None:
        without = " without commas" if "," in str(value) else ""
        return None, f"{field.label} must be a number{without}, not {str(value)[:40]!r}."
    if not math.isfinite(number):
        return None, f"{field.label} must be a number, not {value}."
    if field.kind in {"number", "rate"}:
        return number, ""
    if number.is_integer():
        return int(number), ""
    return None, f"{field.label} must be a whole number, not {value}."


def _example(field: Field) -> str:
    """A number that the field may hold."""
    return field.choices[-1][1] if field.kind == "rate" else f"{field.default:g}"
