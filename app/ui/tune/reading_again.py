"""The part of the Tune page that reads an added table in another way: another sheet, another row of column names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import QUIET
from app.ui.guard import KNOWN, guarded
from app.views import formatting
from lamp.data.tables import sheets
from lamp.data.tables.packed import PACKINGS

_TABLES = {".csv", ".tsv", *sheets.ENDINGS}
"""Endings of files whose table may begin anywhere."""
_HEADERS = [
    ("Found by itself", -1),
    ("None: the first row is a row", 0),
    *((f"Row {number}", number) for number in range(1, 21)),
]


class ReadingAgain:
    """The handlers."""

    def __init__(self, studio: Studio, choose_dataset: Callable[[str], list[Any]]) -> None:
        """choose_dataset: updates the Tune page's form so that a new data set is the chosen one."""
        self._studio, self._choose_dataset = studio, choose_dataset

    def show(self, dataset: str | None) -> list[Any]:
        """The ways in which the chosen data set can be read, if it is a table that people added."""
        names: tuple[str, ...] = ()
        is_table = False
        try:
            entry = self._studio.dataset(dataset or "")
            endings = [ending for ending in Path(entry.name.lower()).suffixes if ending not in PACKINGS]
            is_table = entry.is_upload and endings[-1:] != [] and endings[-1] in _TABLES
            names = self._studio.sheets(entry.reference) if is_table else ()
        except KNOWN:
            pass
        return [
            gr.Accordion(visible=is_table, open=False),
            gr.Dropdown(choices=list(names), value=None, visible=len(names) > 1),
            -1,
        ]

    def read(self, dataset: str, sheet: str | None, header: int) -> list[Any]:
        """Reads the file again and chooses what comes of it, or says why not."""
        try:
            entry = self._studio.read_again(dataset, None if header < 0 else header, sheet or "")
        except KNOWN as error:
            return [gr.skip(), gr.skip(), gr.skip(), parts.problems([str(error)])]
        size = f"{entry.name} has {formatting.rows(entry.rows)} and {len(entry.columns)} columns."
        return [*self._choose_dataset(entry.reference), parts.notice(size, "good", "Added.")]


def build(studio: Studio, choose_dataset: Callable[[str], list[Any]], fields: list[Any], message: gr.HTML) -> Any:
    """Lays the part out and wires it. Returns the event of a reading.

    fields: the components for the data set and its columns; message: shows how it went.
    """
    with (
        gr.Accordion("Read the file in another way", open=False, visible=False, elem_id="dataset-layout") as layout,
        gr.Row(elem_classes="ls-hub"),
    ):
        sheet = gr.Dropdown([], label="Sheet", info="The first with content is read.", visible=False, elem_id="sheet")
        header = gr.Dropdown(
            _HEADERS,
            value=-1,
            label="Row of the column names",
            info="Blank rows count. The data set stays; what is read becomes another one.",
            filterable=False,
            elem_id="header-row",
        )
        again = gr.Button("Read again", size="md", elem_id="read-again", elem_classes="ls-low", scale=1, min_width=110)
    handlers, dataset = ReadingAgain(studio, choose_dataset), fields[0]
    dataset.change(guarded(handlers.show), dataset, [layout, sheet, header], trigger_mode="always_last", **QUIET)
    return again.click(
        guarded(handlers.read),
        [dataset, sheet, header],
        [*fields, message],
        api_visibility="private",
        show_progress_on=message,
        concurrency_limit=None,
    )
