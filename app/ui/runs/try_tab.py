"""The Try tab: an input, and its answer with and without the trained prompt."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gradio as gr

from app.answering.answer import Answer
from app.run import Run
from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, piece
from app.ui.guard import KNOWN, guarded
from app.ui.runs import answers, try_many
from app.ui.runs.refresh import Refresh
from app.ui.runs.sampling_boxes import sampling_boxes, sampling_of
from app.ui.streaming import stream
from lamp.errors import DataError
from lamp.sampling import GREEDY

_MOST_WAITING = 12
"""People who wait for the model at a time: each has one of the server's forty threads. It is said that they wait."""


class TryTab:
    """The handlers of the Try tab of one run."""

    def __init__(self, studio: Studio, run: Run) -> None:
        self._studio, self._run = studio, run
        self._columns = run.config.data.input_columns

    def answer(self, expected: tuple[str, str], *boxes: str) -> Iterator[str]:
        """HTML of what is being done, then of both answers, again after each new piece of free text.

        expected: (input, target) of the row that was filled in last; boxes: a text for each input column, and for free
        text the boxes of `sampling_boxes`. A wrong input is one sentence in place of the answers.
        """
        texts = [box or "" for box in boxes[: len(self._columns)]]
        row = dict(zip(self._columns, texts, strict=True))
        settings = boxes[len(self._columns) :]

        def work(send: Callable[[str | list[Answer]], None]) -> str | list[Answer]:
            sampling = sampling_of(settings) if settings else GREEDY
            return self._studio.try_prompt(self._run.job.id, [row], send, send, sampling)

        try:
            for update, final in stream(work):
                if isinstance(update, str):
                    yield answers.waiting_html(update)
                    continue
                target = expected[1] if final and expected[0] == "\n".join(texts) else ""
                yield answers.answer_html(update[0], target, writing=not final)
        except KNOWN as error:
            yield parts.problems([str(error)])

    def row(self, number: int) -> list[Any]:
        """[(input, target), next row's number, cell of each input column] of one of the data set's first rows."""
        rows = self._rows()
        row = rows[number % len(rows)]
        cells = [row[column] for column in self._columns]
        return [("\n".join(cells), row[self._run.config.data.target_column]), number + 1, *cells]

    def origin(self, number: int) -> str:
        """HTML that says where the row that was filled in last comes from. number: that of the next row."""
        place = (number - 1) % len(self._rows())
        learned = self._studio.learned_from(self._run.job.id, place)
        words = "learned from" if learned else "not learned from"
        return parts.small(f"Filled in: row {place + 1} of {self._run.job.dataset_name}, {words}.")

    def _rows(self) -> tuple[dict[str, str], ...]:
        rows = self._studio.first_rows(self._run.job.dataset)
        if not rows:
            raise DataError("The data set has no rows any more.")
        return rows


def warm_up(studio: Studio, run: str, ready: str, opened: bool) -> Iterator[str]:
    """HTML that says that the model is being loaded; "" once it is, or why it cannot be.

    ready: the view's `prompt_version`; opened: whether anybody wants it.
    """
    if not ready or not opened:
        return

    def work(send: Callable[[str], None]) -> str:
        studio.warm_up(run, send)
        return ""

    try:
        for update, final in stream(work):
            yield "" if final else answers.loading_html(update)
    except KNOWN as error:
        yield parts.notice(str(error), "warn")


def build(studio: Studio, run: gr.State, ready: gr.Textbox, tab: gr.Tab) -> Refresh:
    """Lays `tab` out; a box for each input column of the run appears once it has a prompt.

    The backbone is loaded when the tab is opened, while the person still writes. Returns what brings the progress
    of a list up to date.
    """

    def boxes(run: str, ready: str) -> None:
        if not ready:
            piece(
                parts.empty(
                    "Nothing to try yet",
                    "The prompt can be tried as soon as the run has ended, also when you stop it early.",
                )
            )
            return
        try:
            shown, writes_texts = studio.run(run), not studio.prompt_kind(run).labels
        except KNOWN as error:  # such as a prompt whose folder is damaged
            piece(parts.problems([str(error)]))
            return
        _build_boxes(studio, shown, writes_texts)

    gr.render([run, ready], triggers=[ready.change], queue=False)(boxes)
    loading, opened = piece(elem_id="loading"), gr.State(False)
    load: dict[str, Any] = {
        "fn": guarded(partial(warm_up, studio)),
        "inputs": [run, ready, opened],
        "outputs": loading,
        **QUIET,
        "concurrency_limit": _MOST_WAITING,
    }
    tab.select(lambda: True, None, opened, **AT_ONCE).then(**load)
    ready.change(**load)  # for a tab that was opened before there was a prompt
    return try_many.build(studio, run, ready)


def _build_boxes(studio: Studio, run: Run, writes_texts: bool) -> None:
    """A box for each input column, the buttons, and the answer. writes_texts: whether the prompt picks no labels."""
    data, handlers = run.config.data, TryTab(studio, run)
    piece(parts.title("Try the prompt", "Write an input as it stands in the data, without the answer."))
    cells = [
        gr.Textbox(
            "",
            label=column,
            lines=3 if len(data.input_columns) == 1 else 2,
            elem_id=f"try-{number}",
            elem_classes="ls-try",
            placeholder="Type here, then Ctrl+Enter or Answer",
        )
        for number, column in enumerate(data.input_columns)
    ]
    with gr.Row(elem_classes="ls-actions"):
        ask = gr.Button("Answer", size="md", variant="primary", elem_id="answer")
        fill = gr.Button("Fill in a row of the data", size="md", elem_id="fill")
    origin = piece(elem_id="origin")
    settings = sampling_boxes(data.max_target_tokens) if writes_texts else []
    result = piece(elem_id="answers")
    expected, number = gr.State(("", "")), gr.State(0)
    # The browser itself shows the bar at once; the server's first word may take seconds while it loads a backbone.
    asked = gr.on(
        [ask.click, *[cell.submit for cell in cells]],
        None,
        None,
        result,
        js=f"() => {json.dumps(answers.waiting_html('Sending the input'))}",
        **AT_ONCE,
    )
    asked.then(
        guarded(handlers.answer),
        [expected, *cells, *settings],
        result,
        api_visibility="private",
        show_progress="hidden",
        concurrency_limit=_MOST_WAITING,
    ).failure(lambda: "", None, result, **AT_ONCE)
    filled = fill.click(guarded(handlers.row), number, [expected, number, *cells], **AT_ONCE)
    filled.then(guarded(handlers.origin), number, origin, **QUIET)  # by itself: a large table takes seconds to split
