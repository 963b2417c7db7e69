"""The columns of a table: which ones are inputs, how they become a text, and which one is the target."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lamp.config import DataConfig

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def default_template(config: DataConfig) -> str:
    """A template with one "column: value" line for each input column, then the target column's name and a colon."""
    lines = [f"{column}: {{{column}}}" for column in config.input_columns]
    return "\n".join([*lines, f"{config.target_column}:"])


def render(config: DataConfig, row: Mapping[str, str]) -> tuple[str, str]:
    """The input text of one row, and the end of it that is the same in every row (the template suffix).

    Only the template's {column} placeholders are replaced; braces inside a cell stay as they are.
    """
    template = config.template or default_template(config)
    template_suffix = _PLACEHOLDER.split(template)[-1]
    return _PLACEHOLDER.sub(lambda match: row[match.group(1)].strip(), template), template_suffix


def check_columns(config: DataConfig, columns: Sequence[str]) -> list[str]:
    """One sentence for each problem of the recipe, and for each column or placeholder that the table does not have."""
    problems = config.problems()
    available = ", ".join(repr(column) for column in columns)
    for column in dict.fromkeys([*config.input_columns, config.target_column]):
        if column and column not in columns:
            problems.append(f"The data set has no column {column!r}; it has {available}.")
    if config.template:
        used = _PLACEHOLDER.findall(config.template)
        for name in used:
            if name not in config.input_columns:
                problems.append(f"The template names {{{name}}}, which is not an input column.")
        if not used:
            problems.append("The template names no input column: write one in braces, such as {text}.")
    return problems


def guess_columns(columns: Sequence[str]) -> DataConfig:
    """A first guess: the target is a column with a well-known name, else the last one; the others are inputs.

    Columns that only number the rows, such as "id", are left out of the inputs unless there are no others.
    """
    usual = ("label", "labels", "target", "answer", "output", "category", "class", "summary", "sentiment", "intent")
    lowered = {column.strip().lower(): column for column in columns}
    target = next((lowered[name] for name in usual if name in lowered), columns[-1])
    identifiers = {"id", "idx", "index", "uuid", "row", "row_id"}
    inputs = [column for column in columns if column != target]
    texts = [column for column in inputs if column.strip().lower() not in identifiers]
    return DataConfig(input_columns=tuple(texts or inputs), target_column=target)
