"""Inputs as people write them, checked against a prompt's recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lamp.config import DataConfig
from lamp.data.columns import Template, check_columns
from lamp.errors import DataError


def checked_inputs(data: DataConfig, inputs: Sequence[Any]) -> list[dict[str, str]]:
    """Each input as a value for each input column; a text is that of the only one.

    data: the data section of the prompt's recipe; inputs: texts or mappings, or whatever a script sent. Raises
    DataError for the first that cannot be answered.
    """
    return [_checked(data, values) for values in inputs]


def _checked(data: DataConfig, values: Any) -> dict[str, str]:
    columns = data.input_columns
    if isinstance(values, str):
        if len(columns) != 1:
            raise DataError(f"This prompt reads {len(columns)} columns: give a value for each of {', '.join(columns)}.")
        values = {columns[0]: values}
    if not isinstance(values, Mapping) or not all(isinstance(values.get(column, ""), str) for column in columns):
        raise DataError(f"An input is a text, or a text for each of {', '.join(columns)}, not {str(values)[:80]!r}.")
    problems = check_columns(data, [*values, data.target_column])
    if problems:
        raise DataError(" ".join(problems))
    if not Template.of(data).has_input(values):
        raise DataError("Write an input first: there is nothing to answer.")
    return {column: values[column] for column in columns}
