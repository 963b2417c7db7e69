"""gr.LinePlot as the studio draws it: lines over the steps of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
import pandas as pd

from app.views import curves

Point = tuple[int, float, str]
"""(step, value, name of its line)"""
_MOST_POINTS = 150
"""Of a line: Gradio keeps a node on the page for each, and a line is hardly 500 pixels wide."""


def line_plot(
    points: Sequence[Point],
    colours: Mapping[str, str],
    *,
    label: str,
    title: str,
    kind: str = "Line",
    height: int = 250,
) -> gr.LinePlot:
    """A plot with its first points. Gradio never draws a line that has none among them and gets some later.

    colours: of each line; label: for screen readers; title: the y axis's; kind: what a line stands for, in the tooltip;
    height: pixels.
    """
    return gr.LinePlot(
        _frame(points, kind),
        x="Step",
        y="Value",
        color=kind,
        color_map=dict(colours),
        x_title="Step",
        y_title=title,
        label=label,
        show_label=False,
        height=height,
        tooltip="all",
        colors_in_legend=[],
        container=False,
    )


def redrawn(
    points: Sequence[Point], last: int, y_limits: tuple[float, float], *, kind: str = "Line", **options: Any
) -> Any:
    """The same plot with other points. last: the step at the right end; options: further ones of gr.LinePlot."""
    return gr.update(value=_frame(points, kind), x_lim=[0, last], y_lim=list(y_limits), **options)


def _frame(points: Sequence[Point], kind: str) -> pd.DataFrame:
    lines: dict[str, list[tuple[int, float]]] = {}
    for step, value, line in points:
        lines.setdefault(line, []).append((step, value))
    drawn = ((*point, line) for line in lines for point in curves.thinned(lines[line], _MOST_POINTS))
    # Rounded, because the tooltip shows every digit.
    rounded = [(step, float(f"{value:.4g}"), line) for step, value, line in drawn]
    return pd.DataFrame(rounded, columns=["Step", "Value", kind])
