"""Further curves of a run, drawn when somebody opens them: they are no part of the page's refreshes."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import QUIET, piece
from app.ui.guard import guarded
from app.ui.line_plot import line_plot, redrawn
from app.views import curves
from app.views.curves import Points

_CURVES = (
    ("validation/loss", "Loss on the validation rows", "It rises where the prompt learns its rows by heart."),
    ("learning_rate", "Learning rate", "It warms up, then falls to zero."),
    ("gradient_norm", "Gradient norm, before clipping", "Steep peaks are rows that the prompt gets very wrong."),
    ("rows_per_second", "Rows a second", "It falls where something else wants the machine."),
)
"""(metric, heading, how to read it)"""
_LINE = "This run"
_COLOURS = {_LINE: "#d97706"}


class MoreCurves:
    """The handler that draws the curves."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def draw(self, run: str) -> list[Any]:
        """The curves as they are now, and that they are shown."""
        return [gr.Column(visible=True), *(_plot(self._studio.curve(run, metric)) for metric, _, _ in _CURVES)]


def build(studio: Studio, run: gr.State) -> None:
    """Lays the curves out, closed, and wires them."""
    # Shown with their first data: Gradio draws no line in a plot that was on the page before it.
    with (
        gr.Accordion("More curves", open=False, elem_id="more-curves") as more,
        gr.Column(visible=False) as shown,
    ):
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
    more.expand(guarded(MoreCurves(studio).draw), run, [shown, *plots], **QUIET)


def _plot(points: Points) -> Any:
    last = max((step for step, _ in points), default=1)
    return redrawn([(step, value, _LINE) for step, value in points], last, curves.span(points) or (0, 1))
