"""The Inspect tab: what can be seen in a trained prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
import pandas as pd

from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, piece, stage_reporter
from app.ui.guard import KNOWN, guarded
from app.ui.language import t
from app.ui.runs import inspect_html, mix_box
from app.ui.translated_layout import html_in
from lamp.inference.inspection import MapPoint

_KINDS = {"after": "After training", "before": "Before training", "word": "Word"}
_COLOURS = {"After training": "#d97706", "Before training": "#a39a90", "Word": "#2563eb"}
_NOTHING = parts.empty(
    "Nothing to inspect yet",
    "When the run ends, also when you stop it early, its prompt is laid open here.",
)
_NOT_LOOKED = parts.empty(
    "Nobody has looked into this prompt yet",
    "It was made elsewhere. The words nearest to it are found in its model, which is loaded for that.",
)
_NOT_KEPT = parts.empty(
    "Nothing was kept of this prompt",
    "An earlier version of the studio trained it, or the log says why. A new run has it.",
)


class InspectTab:
    """The handlers of the Inspect tab."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def open(self, run: str, ready: str) -> list[Any]:
        """Shows what is known of the run's prompt. ready: the view's `prompt_version`."""
        inspection = self._studio.inspection(run) if ready else None
        if inspection is None:
            imported = bool(ready) and self._studio.run(run).imported
            why = _NOT_LOOKED if imported else _NOT_KEPT if ready else _NOTHING
            hidden = gr.Column(visible=False)
            shown = gr.HTML(html_in(why, t), visible=True), gr.Row(visible=imported), hidden
            return [*shown, *(gr.skip() for _ in range(6))]
        weights, results = self._studio.token_weights(run), self._studio.results(run)
        can_weigh = weights is None and results is not None and not self._studio.settings.demo
        return [
            gr.HTML(visible=False),
            gr.Row(visible=False),
            gr.Column(visible=True),
            inspect_html.tokens(inspection, weights),
            inspect_html.weighed(weights) if weights or can_weigh else "",
            gr.Button(visible=can_weigh),
            inspect_html.directions(inspection),
            inspect_html.map_title(inspection),
            gr.ScatterPlot(_frame(inspection.points)),
        ]

    def look(self, run: str, ready: str, progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: B008
        """Looks into an imported prompt, and shows it."""
        self._studio.look_into(run, stage_reporter(progress))
        return self.open(run, ready)

    def weigh(self, run: str, progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: B008  # Gradio's way
        """Measures what every token adds, and shows it beside the tokens."""
        inspection = self._studio.inspection(run)
        try:
            weights = self._studio.weigh_tokens(run, lambda share, text: progress(share, desc=text))
        except KNOWN as error:
            return [gr.skip(), parts.problems([str(error)]), gr.skip()]
        if inspection is None:
            return [gr.skip()] * 3
        return [inspect_html.tokens(inspection, weights), inspect_html.weighed(weights), gr.Button(visible=False)]


def build(studio: Studio, run: gr.State, ready: gr.Textbox) -> None:
    """Lays out the tab and wires it."""
    nothing = piece(_NOTHING, elem_id="not-inspected")
    with gr.Row(visible=False, elem_classes="ls-actions") as not_looked:
        look = gr.Button("Look into it", size="md", variant="primary", elem_id="look")
    with gr.Column(visible=False) as content:
        tokens = piece(elem_id="inspected-tokens")
        with gr.Row(elem_classes="ls-actions"):
            weigh = gr.Button("Measure what each token adds", size="md", elem_id="weigh-tokens")
        weighed = piece(elem_id="weighed-tokens", min_height=60)
        with gr.Row(elem_classes="ls-plots"):
            with gr.Column(elem_classes="ls-plot"):
                directions = piece(elem_id="inspected-directions")
            with gr.Column(elem_classes="ls-plot"):
                title = piece()
                points = gr.ScatterPlot(
                    _frame([MapPoint(0.0, 0.0, kind, "") for kind in _KINDS]),
                    x="x",
                    y="y",
                    color="Kind",
                    color_map=_COLOURS,
                    colors_in_legend=[],
                    tooltip=["Kind", "Name"],
                    x_title="First component",
                    y_title="Second component",
                    label="Map of the prompt",
                    show_label=False,
                    height=340,
                    container=False,
                )
    mix_box.build(studio, run, ready)
    tab = InspectTab(studio)
    outputs = [nothing, not_looked, content, tokens, weighed, weigh, directions, title, points]
    ready.change(guarded(tab.open), [run, ready], outputs, **AT_ONCE)
    look.click(
        guarded(tab.look),
        [run, ready],
        outputs,
        api_visibility="private",
        show_progress_on=nothing,
        concurrency_limit=2,
    )
    weigh.click(
        guarded(tab.weigh),
        run,
        [tokens, weighed, weigh],
        api_visibility="private",
        show_progress_on=weighed,
        concurrency_limit=2,
    )


def _frame(points: Sequence[MapPoint]) -> pd.DataFrame:
    rows = [
        (round(point.x, 3), round(point.y, 3), _KINDS[point.kind], inspect_html.shown_word(point.name))
        for point in points
    ]
    return pd.DataFrame(rows, columns=["x", "y", "Kind", "Name"])
