"""The Compare page: choose up to six runs; their curves, scores and settings stand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts, top
from app.ui.compare import compare_html
from app.ui.components import AT_ONCE, BROWSER_ZONE, QUIET, piece
from app.ui.guard import KNOWN, guarded
from app.ui.language import t
from app.ui.line_plot import Point, line_plot, redrawn
from app.views import curves, formatting, score_text
from app.views.comparison import LETTERS, MOST_RUNS, compared_settings
from app.views.curves import Points
from app.views.local_time import zone_of
from app.views.score_text import RunScores

_COLOURS = dict(zip(LETTERS, ("#d97706", "#2563eb", "#0f8a5f", "#b4419b", "#64748b", "#b42318"), strict=True))
"""As in studio.css; they differ in brightness as well."""
_MOST_CHOICES = 300
_KEEP_IN_ADDRESS = """(runs) => {
    const address = new URL(location)
    runs?.length ? address.searchParams.set('runs', runs.join(',')) : address.searchParams.delete('runs')
    history.replaceState(history.state, '', address)
}"""
"""JavaScript (ids): writes them into the address, where a reload finds them and from where they can be shared."""


class ComparePage:
    """The handlers of the Compare page."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def open(self, zone: str, request: gr.Request) -> list[Any]:
        """The runs to choose from, those that the address names chosen, and what is shown of them.

        zone: the name of the browser's time zone.
        """
        asked = str(request.query_params.get("runs", "")).split(",")
        choices = self._choices(asked, datetime.now(zone_of(zone)))
        chosen = [run for run in dict.fromkeys(asked) if any(run == id for _, id in choices)][:MOST_RUNS]
        return [gr.Dropdown(choices=choices, value=chosen), *self.show(chosen)]

    def show(self, chosen: Sequence[str] | None) -> list[Any]:
        """Everything that is shown of the chosen runs: plots and HTML, and last the verdicts, with which it appears."""
        try:
            runs, metric = self._studio.compare(list(chosen or ())[:MOST_RUNS])
        except KNOWN as error:
            refused = compare_html.said(parts.problems([str(error)]))
            return [gr.Row(visible=False), *(gr.skip() for _ in range(8)), refused]
        if len(runs) < 2:
            hidden, nothing = gr.Row(visible=False), compare_html.said(compare_html.NOTHING)
            return [hidden, "", gr.skip(), "", gr.skip(), "", "", gr.Checkbox(visible=False), "", nothing]
        watched = metric or "loss"
        share = 100 if score_text.is_share(watched) else 1
        losses = _points([curves.smoothed(one.loss) for one in runs])
        scored = _points([[(step, share * value) for step, value in one.validation] for one in runs])
        name = score_text.metric_label(watched)
        settings = compared_settings([one.run for one in runs])
        plots = any(one.loss for one in runs)
        return [
            gr.Row(visible=plots),
            compare_html.plot_title("Training loss, smoothed", len(runs)),
            _plot(losses),
            compare_html.plot_title(f"{name} on the validation rows", len(runs)),
            _plot(scored, (0, 100) if share == 100 else None, y_title=f"{t(name)} (%)" if share == 100 else t(name)),
            compare_html.scores(runs, metric),
            compare_html.settings_title(settings),
            gr.Checkbox(visible=True),
            compare_html.settings(settings, len(runs)),
            compare_html.said(compare_html.verdicts(runs), plots=plots),
        ]

    def _choices(self, asked: Sequence[str], now: datetime) -> list[tuple[str, str]]:
        """The newest runs, and those that are asked for, by name, score and date in the time zone of `now`."""
        jobs = {job.id: job for job in self._studio.jobs(_MOST_CHOICES)}
        for id in filter(None, asked):
            try:
                jobs.setdefault(id, self._studio.job(id))
            except KNOWN:
                continue
        choices = []
        for job in jobs.values():
            scores = RunScores.of(job.scores).tuned
            metric = score_text.main_metric(scores)
            score = f" · {score_text.format_score(metric, scores[metric])}" if metric else ""
            choices.append((f"{job.name}{score} · {formatting.moment(job.created_at, now)}", job.id))
        return choices


def _points(runs: Sequence[Points]) -> list[Point]:
    return [(step, value, LETTERS[number]) for number, points in enumerate(runs) for step, value in points]


def _plot(points: list[Point], limits: tuple[float, float] | None = None, **options: Any) -> Any:
    span = limits or curves.span([(step, value) for step, value, _ in points]) or (0, 1)
    return redrawn(points, max((step for step, _, _ in points), default=1), span, kind="Run", **options)


def _empty_plot(label: str, title: str) -> gr.LinePlot:
    return line_plot([(0, 0.0, letter) for letter in LETTERS], _COLOURS, label=label, title=title, kind="Run")


def build(studio: Studio, page: gr.Blocks) -> None:
    """Lays the page out in the current Blocks and wires it."""
    top.build(studio, "Compare")
    piece('<div class="ls-hero ls-flat"><h1>Compare runs</h1></div>')
    with gr.Column(elem_classes="ls-choose-runs"):
        chosen = gr.Dropdown(
            [],
            value=[],
            multiselect=True,
            max_choices=MOST_RUNS,
            label="Runs",
            info=f"Two to {MOST_RUNS}; type to search.",
            elem_id="compared-runs",
        )
    with gr.Column(elem_classes="ls-comparison"):
        said = piece(elem_id="compare-said")
        with gr.Row(elem_classes="ls-plots", visible=False) as both:
            with gr.Column(elem_classes="ls-plot"):
                loss_title = piece()
                loss = _empty_plot("Training loss of the runs", "Loss")
            with gr.Column(elem_classes="ls-plot"):
                score_title = piece()
                score = _empty_plot("Score of the runs on the validation rows", "Score")
        scores = piece(elem_id="compare-scores")
        with gr.Column(elem_classes="ls-settings"):
            settings_title = piece(elem_id="compare-settings-title")
            # Which lines it hides is a matter of the style sheet alone.
            only = gr.Checkbox(
                True,
                label="Only settings that differ",
                visible=False,
                interactive=True,
                container=False,
                elem_id="only-differing",
            )
            settings = piece(elem_id="compare-settings")
    zone = gr.Textbox("", visible="hidden", label="Time zone")

    handlers = ComparePage(studio)
    outputs = [both, loss_title, loss, score_title, score, scores, settings_title, only, settings, said]
    page.load(guarded(handlers.open), zone, [chosen, *outputs], js=BROWSER_ZONE, show_progress_on=said, **AT_ONCE)
    chosen.change(None, chosen, None, js=_KEEP_IN_ADDRESS, **QUIET)
    showing = {**QUIET, "show_progress": "full", "show_progress_on": said}
    chosen.input(guarded(handlers.show), chosen, outputs, trigger_mode="always_last", preprocess=False, **showing)
