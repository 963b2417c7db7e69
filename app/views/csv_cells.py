"""Cells of CSV files that people open in a spreadsheet."""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would compute."""


def harmless(cell: str) -> str:
    """The cell with an apostrophe before what would be a formula, as spreadsheets expect it."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
