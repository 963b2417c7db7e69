"""The Training tab: the curves of a run, what it answered at each score, and its log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, piece
from app.ui.guard import guarded
from app.ui.runs import more_curves, plots, run_html, training_html
from app.views.run_view import Choices

_SMOOTHED = "Smoothed"
_COPY = "() => lampCopy('#run-log pre', '#copy-log')"
_SAVE = "() => setTimeout(() => document.querySelector('#log-file')?.click(), 50)"
"""JavaScript: presses the hidden button that has the file by now."""


def choices_of(style: Sequence[str], words: str) -> Choices:
    """What the boxes of the tab say."""
    return Choices(_SMOOTHED in style, words.strip())


def build(studio: Studio, run: gr.State, move: Callable[..., Any], show: Callable[..., Any]) -> list[Any]:
    """Lays the tab out and wires it. Returns the boxes that `choices_of` reads: when they change, the page is shown
    anew. show: adds a component to the run's page, as `ViewTable.add` does; move: the same for what changes with every
    step."""
    show(piece(elem_id="run-waiting", elem_classes="ls-slot"), run_html.waiting)
    with gr.Row(elem_classes="ls-plots", visible=False) as both:
        with gr.Column(elem_classes="ls-plot"):
            piece(parts.key("Training loss", (("each step", "pale"), ("smoothed", "tuned"))))
            move(
                plots.empty_plot("Training loss", "Loss"),
                lambda view: (view.loss, view.steps, view.choices.smoothed),
                lambda shown: plots.loss_plot(*shown),
            )
            style = gr.CheckboxGroup(
                [_SMOOTHED],
                value=[_SMOOTHED],
                label="The curve of the loss",
                show_label=False,
                container=False,
                elem_id="loss-style",
            )
        with gr.Column(elem_classes="ls-plot"):
            show(piece(), run_html.score_title)
            show(
                plots.empty_plot("Score on the validation rows", "Score"),
                lambda view: (view.metric, view.validation, view.steps),
                lambda shown: plots.score_plot(*shown),
            )
    show(both, lambda view: view.has_curves, lambda shown: gr.update(visible=shown))
    show(piece(elem_id="run-rates"), run_html.tried_rates)
    more_curves.build(studio, run)
    show(piece(elem_id="run-samples"), lambda view: view.samples, training_html.samples)
    words = _build_log(studio, run, show)
    return [style, words]


def _build_log(studio: Studio, run: gr.State, show: Callable[..., Any]) -> gr.Textbox:
    """The log; returns the box with the words to search it for."""
    piece(parts.title("Log"))
    with gr.Row(elem_classes="ls-filters"):
        words = gr.Textbox(
            "",
            placeholder="Search the whole log",
            label="Search the log",
            show_label=False,
            container=False,
            elem_id="search-log",
        )
        copy = gr.Button("Copy", size="md", elem_id="copy-log")
        download = gr.Button("Download", size="md", elem_id="download-log")
        file = gr.DownloadButton("The log as a file", visible="hidden", elem_id="log-file")
    show(
        piece(elem_id="run-log"),
        lambda view: (view.found_log if view.choices.words else view.log, view.choices.words),
        lambda shown: training_html.log(*shown),
    )
    copy.click(None, None, None, js=_COPY, **AT_ONCE)
    packed = download.click(lambda run: str(guarded(studio.log_file)(run)), run, file, **QUIET)
    packed.success(None, None, None, js=_SAVE, **AT_ONCE)
    return words
