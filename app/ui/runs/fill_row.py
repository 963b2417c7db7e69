"""Fills the boxes of the Try tab in with a row of the data, and says whether the run has learned from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import gradio as gr

from app.data.rows_to_try import DataRow
from app.run import Run
from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, number_box, piece
from app.ui.guard import guarded
from app.ui.language import t
from lamp.errors import DataError


class FillRow:
    """The handlers that fill in a row of a run's data."""

    def __init__(self, studio: Studio, run: Run) -> None:
        self._studio, self._run = studio, run

    def numbered(self, number: str) -> list[Any]:
        """Returns the row with a number, as `_filled` does."""
        if not re.fullmatch(r"\s*\d{1,12}\s*", number or ""):
            raise DataError(f"The number of the row must be a whole number from 1, not {number[:40]!r}.")
        return self._filled(self._studio.numbered_row(self._run.job.id, int(number)))

    def random(self) -> list[Any]:
        """Returns any row of the data, as `_filled` does."""
        return self._filled(self._studio.random_row(self._run.job.id))

    def tested(self) -> list[Any]:
        """Returns any row that the prompt was scored on, as `_filled` does."""
        return self._filled(self._studio.tested_row(self._run.job.id))

    def _filled(self, row: DataRow) -> list[Any]:
        """Returns the updates: the row, its number, and the cell of each input column."""
        return [row, str(row.number), *row.inputs.values()]

    def origin(self, row: DataRow | None) -> str:
        """Returns HTML that says where the row that was filled in last comes from."""
        if row is None:
            return ""
        if self._run.imported:
            words = "which it may have learned from: that is not known of an imported prompt"
        elif row.tested:
            words = "one of those that the prompt was scored on: not learned from"
        else:
            learned = self._studio.learned_from(self._run.job.id, row.number - 1)
            words = "learned from" if learned else "not learned from"
        return parts.small(f"Filled in: row {row.number:,} of {row.rows:,} of {row.dataset}, {words}.")


def build(studio: Studio, run: Run, cells: Sequence[gr.Textbox]) -> gr.State:
    """Lays out the buttons that fill a row of the data into `cells`, and wires them.

    Returns the row that was filled in last.
    """
    handlers, scored = FillRow(studio, run), studio.results(run.job.id) is not None
    row = gr.State(None)
    with gr.Row(elem_classes="ls-actions"):
        number = number_box(1, label=t("Row number"), elem_id="row-number", min_width=120, interactive=True)
        fill = gr.Button(t("Fill in"), size="md", elem_id="fill", elem_classes="ls-low")
        drawn = gr.Button(t("Random row"), size="md", elem_id="fill-random", elem_classes="ls-low")
        tested = gr.Button(t("Tested row"), size="md", elem_id="fill-tested", elem_classes="ls-low", visible=scored)
    origin = piece(elem_id="origin", min_height=22)
    for event, handler, inputs in (
        (fill.click, handlers.numbered, number),
        (number.submit, handlers.numbered, number),
        (drawn.click, handlers.random, None),
        (tested.click, handlers.tested, None),
    ):
        filled = event(guarded(handler), inputs, [row, number, *cells], **AT_ONCE)
        # By itself: a large table takes seconds to split.
        filled.then(lambda: parts.small("Looking up whether the run learned from it …"), None, origin, **AT_ONCE).then(
            guarded(handlers.origin), row, origin, **QUIET
        )
    return row
