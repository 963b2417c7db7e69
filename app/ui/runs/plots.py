"""The two plots of a run's page."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.ui.language import t
from app.ui.line_plot import line_plot, redrawn
from app.views import curves, score_text
from app.views.curves import Points

_COLOURS = {
    "Each step": "rgba(217, 119, 6, 0.38)",
    "Smoothed": "#d97706",
    "Tuned prompt": "#d97706",
    "Untrained model": "#a39a90",
}


def empty_plot(label: str, title: str) -> gr.LinePlot:
    """A plot without points. label: for screen readers; title: the y axis's."""
    return line_plot([], _COLOURS, label=label, title=title)


def loss_plot(points: Points, steps: int, smoothed: bool = True) -> Any:
    """The training loss of each step and, where it is wanted, its smoothed course."""
    rows = [(step, value, "Each step") for step, value in points]
    rows += [(step, value, "Smoothed") for step, value in (curves.smoothed(points) if smoothed else ())]
    return redrawn(rows, steps, curves.span(points) or (0, 1))


def score_plot(metric: str, points: Points, steps: int) -> Any:
    """The validation score, beside the untrained backbone's as a level line."""
    # The tuned line starts with the untrained score, although one point shows no line: Gradio never draws a line whose
    # name was not in the first data of the plot.
    share = score_text.is_share(metric)
    if share:
        points = [(step, 100 * value) for step, value in points]
    rows = [(step, value, "Tuned prompt") for step, value in points]
    untrained = curves.untrained_value(points)
    if untrained is not None:
        rows += [(step, untrained, "Untrained model") for step in (0, steps)]
    label = score_text.metric_label(metric)
    if share:
        return redrawn(rows, steps, (0, 100), y_title=f"{t(label)} (%)")
    return redrawn(rows, steps, curves.span(points) or (0, 1), y_title=t(label))
