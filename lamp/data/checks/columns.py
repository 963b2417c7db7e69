"""Warns of columns that give the target away."""

from __future__ import annotations

from collections.abc import Sequence

from lamp.data.column_roles import ColumnRole


def leak_warnings(roles: Sequence[ColumnRole], inputs: Sequence[str]) -> list[str]:
    """One sentence for each chosen input column that gives the target away."""
    return [
        f"The input column {role.column!r} {role.leak}: take it out, unless it is known before the answer is."
        for role in roles
        if role.leak and role.column in inputs
    ]
