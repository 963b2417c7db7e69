"""The two plots of a run's page."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pandas as pd

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
    return gr.LinePlot(
        _frame([]),
        x="Step",
        y="Value",
        color="Line",
        color_map=_COLOURS,
        x_title="Step",
        y_title=title,
        label=label,
        show_label=False,
        height=250,
        tooltip="all",
        colors_in_legend=[],
        container=False,
    )


def loss_plot(points: Points, steps: int) -> Any:
    """The training loss of each step and its smoothed course."""
    rows = [(step, value, "Each step") for step, value in points]
    rows += [(step, value, "Smoothed") for step, value in curves.smoothed(points)]
    return _update(rows, steps, curves.span(points) or (0, 1))


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
        return _update(rows, steps, (0, 100), y_title=f"{label} (%)")
    return _update(rows, steps, curves.span(points) or (0, 1), y_title=label)


def _update(rows: list[tuple[int, float, str]], steps: int, y_limits: tuple[float, float], **options: Any) -> Any:
    # Rounded, because the tooltip shows every digit.
    rounded = [(step, float(f"{value:.4g}"), line) for step, value, line in rows]
    return gr.LinePlot(_frame(rounded), x_lim=[0, steps], y_lim=list(y_limits), **options)


def _frame(rows: list[tuple[int, float, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["Step", "Value", "Line"])
