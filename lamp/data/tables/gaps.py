"""Blank rows in the midst of a table, below which another table may begin."""

from __future__ import annotations

from collections.abc import Sequence

_LONGEST = 60


class Gaps:
    """Counts the gaps below a header and between rows. Blank rows below the last row are none."""

    def __init__(self) -> None:
        self._rows = self._count = 0
        self._open = False
        self._below = ""

    def filled(self, cells: Sequence[str]) -> None:
        """The next row is not blank."""
        if self._open:
            self._count += 1
            self._below = next(cell for cell in cells if cell.strip()) if self._rows else ""
        self._rows, self._open = self._rows + 1, False

    def blank(self) -> None:
        """The next row is blank."""
        self._open = True

    def notes(self) -> list[str]:
        """A note where there is one gap, between two rows. Where there are more, blank rows are a habit."""
        if self._count != 1 or not self._below:
            return []
        begin = self._below.strip()[:_LONGEST]
        return [f"What stands below the only blank row, from {begin!r} on, is read as rows of the same table."]
