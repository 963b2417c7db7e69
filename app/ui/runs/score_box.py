"""The box of an imported prompt that has it answer rows whose right answers are known."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, piece
from app.ui.guard import KNOWN, guarded


class ScoreBox:
    """The handlers of the box."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def open(self, run: str, ready: str) -> list[Any]:
        """The box with the data sets, for an imported prompt. ready: the view's `prompt_version`."""
        shown = self._studio.run(run) if ready else None
        if shown is None or not shown.imported:
            return [gr.Column(visible=False), gr.skip(), gr.skip()]
        choices = [(entry.name, entry.reference) for entry in self._studio.datasets()]
        return [
            gr.Column(visible=True),
            gr.Dropdown(choices=choices, value=shown.job.dataset or None),
            *self._columns(run, shown.job.dataset),
        ]

    def columns(self, run: str, dataset: str | None) -> Any:
        """The columns that can hold the right answers."""
        return self._columns(run, dataset or "")[0]

    def score(self, run: str, dataset: str | None, target: str | None, progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008
        """Scores the prompt. Returns HTML that says why it cannot be; "" once it is done."""
        if not dataset or not target:
            return parts.problems(["Choose a data set, and its column of right answers."])
        try:
            self._studio.score_imported(run, dataset, target, lambda share, text: progress(share, desc=text))
        except KNOWN as error:
            return parts.problems([str(error)])
        return ""

    def _columns(self, run: str, dataset: str) -> list[Any]:
        data = self._studio.run(run).config.data
        columns = self._studio.dataset(dataset).columns if dataset else ()
        others = [column for column in columns if column not in data.input_columns]
        usual = data.target_column if data.target_column in others else next(iter(others), None)
        return [gr.Dropdown(choices=others, value=usual)]


def build(studio: Studio, run: gr.State, ready: gr.Textbox) -> Any:
    """Lays the box out and wires it. Returns the event after which the run has other results."""
    with gr.Column(visible=False, elem_id="score-box") as box:
        piece(parts.title("Score it on your rows", "Answered with the prompt and without it; at most a few hundred."))
        with gr.Row(elem_classes="ls-filters"):
            dataset = gr.Dropdown([], value=None, label="Data set", elem_id="score-data")
            target = gr.Dropdown([], value=None, label="Right answers", elem_id="score-target")
            score = gr.Button("Score", size="md", elem_id="score", elem_classes="ls-low")
        said = piece(elem_id="scored", min_height=40)
    handlers = ScoreBox(studio)
    ready.change(guarded(handlers.open), [run, ready], [box, dataset, target], **AT_ONCE)
    dataset.input(guarded(handlers.columns), [run, dataset], target, **AT_ONCE)
    return score.click(
        guarded(handlers.score),
        [run, dataset, target],
        said,
        api_visibility="private",
        show_progress_on=said,
        concurrency_limit=2,
    )
