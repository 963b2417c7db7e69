"""The Try tab: an input, and its answer with and without the trained prompt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, piece, stage_reporter
from app.ui.guard import sentences
from app.ui.runs import answers
from app.ui.streaming import stream
from lamp.config import DataConfig
from lamp.errors import DataError


class TryTab:
    """What the Try tab does for one run."""

    def __init__(self, studio: Studio, run: str, data: DataConfig, dataset: str) -> None:
        self._studio, self._run, self._data, self._dataset = studio, run, data, dataset

    def answer(
        self,
        expected: tuple[str, str],
        *cells: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[str]:
        """Both answers to the input, again and again while free text is written.

        expected: (input, target) of the row that was filled in last; cells: a text for each input column.
        """
        on_stage = stage_reporter(progress)
        texts = [cell or "" for cell in cells]
        row = dict(zip(self._data.input_columns, texts, strict=True))
        for pair, final in stream(lambda send: self._studio.try_prompt(self._run, [row], on_stage, send)):
            target = expected[1] if final and expected[0] == "\n".join(texts) else ""
            yield answers.answer_html(pair[0], target, writing=not final)

    def row(self, number: int) -> list[Any]:
        """[(input, target), next row's number, cell of each input column] of one of the data set's first rows."""
        rows = self._studio.first_rows(self._dataset)
        if not rows:
            raise DataError("The data set has no rows any more.")
        row = rows[number % len(rows)]
        cells = [row[column] for column in self._data.input_columns]
        return [("\n".join(cells), row[self._data.target_column]), number + 1, *cells]


def build(studio: Studio, run: gr.State, ready: gr.Textbox) -> None:
    """Lays out the tab; a box for each input column of the run appears once it has a prompt."""

    def boxes(run: str, ready: str) -> None:
        if not ready:
            piece(
                parts.empty(
                    "Nothing to try yet",
                    "The prompt can be tried as soon as the run has ended, also when you stop it early.",
                )
            )
            return
        shown = studio.run(run)
        data = shown.config.data
        tab = TryTab(studio, run, data, shown.job.dataset)
        piece(parts.title("Try the prompt", "Write an input as it stands in the data, without the answer."))
        cells = [
            gr.Textbox(
                "",
                label=column,
                lines=3 if len(data.input_columns) == 1 else 2,
                elem_id=f"try-{number}",
                placeholder="Type here, then Ctrl+Enter or Answer",
            )
            for number, column in enumerate(data.input_columns)
        ]
        with gr.Row(elem_classes="ls-actions"):
            ask = gr.Button("Answer", size="md", variant="primary", elem_id="answer")
            fill = gr.Button("Fill in a row of the data", size="md", elem_id="fill")
        result = piece(elem_id="answers", min_height=60)
        expected, number = gr.State(("", "")), gr.State(0)
        gr.on(
            [ask.click, *[cell.submit for cell in cells]],
            sentences(tab.answer),
            [expected, *cells],
            result,
            api_visibility="private",
            concurrency_limit=2,
        )
        fill.click(sentences(tab.row), number, [expected, number, *cells], **AT_ONCE)

    gr.render([run, ready], triggers=[ready.change], queue=False)(boxes)
