"""Warnings about rows that can be used but may spoil the result; none of them prevents a run."""

from __future__ import annotations

from collections.abc import Sequence

from lamp.data.checks.columns import leak_warnings
from lamp.data.checks.garbled import garbled_warnings
from lamp.data.checks.labels import label_warnings
from lamp.data.checks.personal import personal_warnings
from lamp.data.checks.rows import (
    held_out_too_warnings,
    left_out_warnings,
    repeated_warnings,
    target_in_input_warnings,
    total_warnings,
)
from lamp.data.checks.sample import some_of
from lamp.data.column_roles import ColumnRole
from lamp.data.splits import Splits

__all__ = ["data_warnings"]


def data_warnings(splits: Splits, roles: Sequence[ColumnRole], inputs: Sequence[str]) -> list[str]:
    """Returns one sentence, with a count and an example, for each problem of the data.

    roles: the proposed role of each column for the chosen target; inputs: the chosen input columns.
    """
    sample, rows = some_of(splits), sum(map(len, splits.parts))
    return [
        *leak_warnings(roles, inputs),
        *left_out_warnings(splits),
        *label_warnings(splits.labels),
        *repeated_warnings(splits, rows),
        *held_out_too_warnings(splits),
        *total_warnings(splits),
        *target_in_input_warnings(sample, rows, splits.labels),
        *garbled_warnings(sample, rows),
        *personal_warnings(sample, rows),
    ]
