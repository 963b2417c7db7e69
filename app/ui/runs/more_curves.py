"""Further curves of a run, drawn when somebody opens them: they are no part of the page's refreshes."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, piece
from app.ui.guard import guarded
from app.ui.line_plot import line_plot, redrawn
from app.ui.runs import answers
from app.views import curves
from app.views.curves import Points

_CURVES = (
    ("validation/loss", "Loss on the validation rows", "It rises where the prompt learns its rows by heart."),
    ("learning_rate", "Learning rate", "It warms up, then falls to zero."),
    ("gradient_norm", "Gradient norm, before clipping", "Steep peaks are rows that the prompt gets very wrong."),
    ("rows_per_second", "Rows a second", "It falls where something else wants the machine."),
    ("peak_memory", "Memory at its peak, in GB", "Of the card where there is one, else of the run's process."),
)
"""(metric, heading, how to read it)"""
_LINE = "This run"
_COLOURS = {_LINE: "#d97706"}


class MoreCurves:
    """The handler that draws the curves."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def draw(self, run: str) -> list[Any]:
        """The curves as they are now, and that they are shown in place of what was there while they were drawn."""
        points = {metric: self._studio.curve(run, metric) for metric, _, _ in _CURVES}
        last = max((step for curve in points.values() for step, _ in curve), default=1)
        points["peak_memory"] = [(step, size / 1e9) for step, size in curves.held(points["peak_memory"], last)]
        return ["", gr.Column(visible=True), *(_plot(curve) for curve in points.values())]


def build(studio: Studio, run: gr.State) -> None:
    """Lays the curves out, closed, and wires them."""
    # Shown with their first data: Gradio draws no line in a plot that was on the page before it.
    with gr.Accordion("More curves", open=False, elem_id="more-curves") as more:
        waiting = piece(elem_id="drawing-curves")
        with gr.Column(visible=False) as shown:
            plots = _build_plots()
    begun = more.expand(
        None, None, waiting, js=f"() => {json.dumps(answers.waiting_html('Drawing the curves'))}", **AT_ONCE
    )
    begun.then(guarded(MoreCurves(studio).draw), run, [waiting, shown, *plots], **QUIET)


def _build_plots() -> list[gr.LinePlot]:
    """An empty plot for each curve, two beside each other."""
    plots = []
    for start in range(0, len(_CURVES), 2):
        with gr.Row(elem_classes="ls-plots"):
            for _, heading, how in _CURVES[start : start + 2]:
                with gr.Column(elem_classes="ls-plot"):
                    piece(parts.key(heading, ()) + parts.small(how))
                    plots.append(
                        line_plot(
                            [(0, 0.0, _LINE)],
                            _COLOURS,
                            label=heading,
                            title=heading.partition(",")[0],
                            height=200,
                        )
                    )
    return plots


def _plot(points: Points) -> Any:
    last = max((step for step, _ in points), default=1)
    return redrawn([(step, value, _LINE) for step, value in points], last, curves.span(points) or (0, 1))
