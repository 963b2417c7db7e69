"""The second part of the Try tab: a file or a list, answered in the background."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, piece
from app.ui.guard import KNOWN, guarded
from app.ui.runs import answers
from app.ui.runs.refresh import Refresh
from app.ui.runs.try_many_html import list_html
from lamp.data.tables import ENDINGS
from lamp.errors import DataError

_REFRESH_SECONDS = 1.0
_MOST_READ = 4
"""Files that are read at a time."""


class TryMany:
    """The handlers of this part of the tab."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def open(self, run: str, ready: str) -> list[Any]:
        """Updates of the whole part, the sentence of what a file needs, and the box for a list."""
        if not ready:
            return [gr.Column(visible=False), gr.skip(), gr.skip()]
        columns = self._studio.run(run).config.data.input_columns
        one = len(columns) == 1
        needed = f"The file needs the column{'' if one else 's'} {', '.join(map(repr, columns))}"
        below = f"{needed}; all its columns come back with the answers. It is not added to the data sets."
        return [gr.Column(visible=True), parts.title("Answer a file or a list", below), gr.Textbox(visible=one)]

    def start(self, run: str, file: str | None, text: str) -> str:
        """Begins to answer the file or the lines; "", or HTML that says why it cannot be done."""
        try:
            if file and text.strip():
                raise DataError("Give a file or a list, not both: empty one of them.")
            if file:
                self._studio.answer_file(run, Path(file), Path(file).name)
            else:
                self._studio.answer_lines(run, text)
        except KNOWN as error:
            return parts.problems([str(error)])
        return ""

    def show(self, run: str, ready: str, seen: str) -> list[Any]:
        """Updates of the progress, the timer, the buttons to start and to cancel, the downloads, and what is seen now.

        seen: the progress that the page shows, as text.
        """
        progress = self._studio.list_progress(run) if run and ready else None
        going = progress is not None and progress.going
        if str(progress) == seen and not going:
            return [gr.skip()] * 6 + [seen]
        files = progress.files if progress else ()
        downloads = [gr.DownloadButton(value=str(file), visible=True) for file in files]
        return [
            list_html(progress),
            gr.Timer(active=going),
            gr.Button(interactive=not going),
            gr.Button(visible=going),
            *(downloads or [gr.DownloadButton(visible=False)] * 2),
            str(progress),
        ]


def build(studio: Studio, run: gr.State, ready: gr.Textbox) -> Refresh:
    """Lays this part out and wires it. It is shown once the run has a prompt."""
    with gr.Column(visible=False, elem_id="many") as column:
        title = piece()
        with gr.Row():
            file = gr.File(label="A file", file_types=list(ENDINGS), height=150, min_width=260, elem_id="many-file")
            text = gr.Textbox(
                "",
                label="Or a list, one input a line",
                lines=5,
                max_lines=12,
                elem_id="many-text",
                min_width=260,
                placeholder="Paste here",
            )
        with gr.Row(elem_classes="ls-actions"):
            start = gr.Button("Answer all", size="md", elem_id="many-start")
            cancel = gr.Button("Cancel", size="md", visible=False, variant="stop", elem_id="many-cancel")
        said = piece(elem_id="many-said", elem_classes="ls-slot")
        shown = piece(elem_id="many-progress")
        with gr.Row(elem_classes="ls-actions"):
            table = gr.DownloadButton("Download as CSV", size="md", visible=False, elem_id="many-csv")
            lines = gr.DownloadButton("Download as JSON Lines", size="md", visible=False, elem_id="many-jsonl")
    timer, seen = gr.Timer(_REFRESH_SECONDS, active=False), gr.State("")

    many = TryMany(studio)
    outputs = [shown, timer, start, cancel, table, lines, seen]
    refresh = Refresh(guarded(many.show), [run, ready, seen], outputs, timer)
    show: dict[str, Any] = {"fn": refresh.handler, "inputs": refresh.inputs, "outputs": refresh.outputs}
    ready.change(guarded(many.open), [run, ready], [column, title, text], **AT_ONCE).then(**show, **AT_ONCE)
    reading = json.dumps(answers.waiting_html("Reading the rows"))
    # The browser itself shows it at once: a large file takes a while to be read.
    begun = start.click(None, None, [said, shown], js=f"() => ['', {reading}]", **AT_ONCE)
    begun = begun.then(guarded(many.start), [run, file, text], said, **QUIET | {"concurrency_limit": _MOST_READ})
    begun.then(lambda: "", None, seen, **AT_ONCE).then(**show, **AT_ONCE)
    cancel.click(guarded(studio.cancel_list), run, None, **AT_ONCE).then(**show, **AT_ONCE)
    timer.tick(**show, **AT_ONCE)
    return refresh
