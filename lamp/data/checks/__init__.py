"""Warnings about rows that can be learned from but may spoil the result; nothing here keeps a run from starting."""

from __future__ import annotations

from collections.abc import Sequence

from lamp.data.checks.labels import label_warnings
from lamp.data.checks.personal import personal_warnings
from lamp.data.checks.rows import left_out_warnings, repeated_warnings, target_in_input_warnings
from lamp.data.column_roles import ColumnRole
from lamp.data.splits import Splits

__all__ = ["data_warnings", "leak_warnings"]


def data_warnings(splits: Splits) -> list[str]:
    """One sentence, with a count and an example, for each thing in the rows that a person should know of."""
    examples = [*splits.train, *splits.validation]
    return [
        *left_out_warnings(splits),
        *label_warnings(splits.labels),
        *repeated_warnings(splits, examples),
        *target_in_input_warnings(examples, splits.labels),
        *personal_warnings(examples),
    ]


def leak_warnings(roles: Sequence[ColumnRole], inputs: Sequence[str]) -> list[str]:
    """One sentence for each input column that gives the target away. roles: of the chosen target."""
    return [
        f"The input column {role.column!r} {role.leak}: take it out, unless it is known before the answer is."
        for role in roles
        if role.leak and role.column in inputs
    ]
