"""One run's page: progress, curves, try, export, and what can be done with the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import gradio as gr
import pandas as pd

from app.estimates import seconds_left
from app.run import Run
from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, piece
from app.ui.guard import KNOWN, sentences
from app.ui.runs import export_tab, manage_tab, run_html, try_tab
from app.ui.runs.confusion_table import confusion
from app.views import curves, score_text, status
from storage.records import Job
from storage.states import JobState

_SECONDS = 1.0
_LOG_LINES = 40
_TRAINING, _TRY = 0, 1
_COLOURS = {
    "Each step": "rgba(217, 119, 6, 0.38)",
    "Smoothed": "#d97706",
    "Tuned prompt": "#d97706",
    "Untrained model": "#a39a90",
}


_WAITING = parts.empty("No curve yet", "It appears here with the first step: loading the model comes first.")


@dataclass(frozen=True)
class Live:
    """What keeps a run's page up to date."""

    refresh: Callable[..., Any]
    inputs: list[Any]
    outputs: list[Any]
    timer: gr.Timer


class Handlers:
    """What the page of one run does."""

    def __init__(self, studio: Studio, names: tuple[str, ...]) -> None:
        self._studio = studio
        self._names = names
        """Of the outputs of `refresh`."""

    def refresh(self, run: str, seen: dict[str, Any]) -> list[Any]:
        """Everything that may have changed since it was last shown; what did not is skipped."""
        if not run:
            return [gr.Timer(active=False) if name == "timer" else gr.skip() for name in self._names]
        try:
            shown = self._shown(self._studio.job(run), seen)
        except KNOWN as error:
            shown = {
                "head": parts.empty("This run cannot be shown", str(error), "runs", "All runs"),
                "timer": False,
                "tabs": False,
                "ready": "",
            }
        fresh = {name: value for name, value in shown.items() if name not in seen or seen[name] != value}
        return [
            {**seen, **fresh} if name == "seen" else self._update(name, fresh[name]) if name in fresh else gr.skip()
            for name in self._names
        ]

    def _shown(self, job: Job, seen: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC)
        studio, deleted = self._studio, job.deleted_at is not None
        shown: dict[str, Any] = {
            "timer": not job.state.finished and not deleted,
            "tabs": True,
            "stop": not job.state.finished and not deleted,
            "stopping": job.state is JobState.STOPPING,
            "resume": job.state.resumable and job.state.finished and not deleted,
            "forward": job.state is JobState.QUEUED and not deleted,
            "again": f"./?from={job.id}",
            "try_it": job.artifact is not None and not deleted,
            "restore": deleted,
            "ready": f"{job.id} {job.finished_at}" if job.artifact is not None else "",
            "name": job.name,
            "tags": ", ".join(job.tags),
            "note": job.note,
            "tail": studio.log_tail(job.id, _LOG_LINES),
        }
        latest = studio.latest_metrics(job.id)
        metric = score_text.main_score([name for name in latest if name.startswith("validation/")]) or "accuracy"
        loss = tuple(studio.curve(job.id, "loss"))
        scored = tuple(studio.curve(job.id, f"validation/{metric}"))
        left = None
        if job.state is JobState.RUNNING:
            speed, scoring = studio.curve(job.id, "rows_per_second"), latest.get("scoring_seconds", 0.0)
            left = seconds_left(job, Run.of(job).config.train, speed, scoring)
        place = studio.queue_place(job.id) if job.state is JobState.QUEUED else None
        found = status.status(job, now, left, place)
        shown["head"] = run_html.head(job, found, now, run_html.tiles(latest, loss, scored, metric))
        shown["trouble"] = run_html.trouble(job, shown["tail"])
        shown["loss"], shown["score"] = (loss, job.steps), (metric, scored, job.steps)
        shown["score_title"] = parts.key(
            f"{score_text.score_name(metric)} on the held-out rows",
            (("tuned prompt", "tuned"), ("untrained model", "untrained")),
        )
        shown["plots"] = len(loss) > 1
        shown["waiting"] = "" if shown["plots"] else _WAITING
        shown["scores"] = run_html.scores(job)
        shown["confusion"] = confusion(studio.confusion(job.id)) if job.state.finished and not deleted else ""
        shown["history"] = run_html.history(studio.events(job.id), now)
        shown["recipe"] = run_html.recipe(job)
        return shown

    def _update(self, name: str, value: Any) -> Any:
        if name == "timer":
            return gr.Timer(active=value)
        if name == "plots":
            return gr.Row(visible=value)
        if name == "tabs":
            return gr.Column(visible=value)
        if name == "stop":
            return gr.Button(visible=value)
        if name in ("resume", "forward", "try_it", "restore"):
            return gr.Button(visible=value)
        if name == "stopping":
            return gr.Button("Stopping …" if value else "Stop", interactive=not value)
        if name == "again":
            return gr.Button(link=value, visible=True)
        if name == "loss":
            return loss_plot(*value)
        if name == "score":
            return score_plot(*value)
        return run_html.log(value) if name == "tail" else value

    def stop(self, run: str) -> None:
        """Asks the run to end."""
        self._studio.stop(run)
        gr.Info("The run ends after this step and keeps its best prompt.")

    def resume(self, run: str) -> None:
        """Queues the run again."""
        self._studio.resume(run)
        gr.Info("The run goes on from its last checkpoint.")

    def forward(self, run: str) -> None:
        """Moves the run up in the queue."""
        self._studio.raise_priority(run)

    def restore(self, run: str) -> None:
        """Brings a deleted run back."""
        self._studio.restore(run)
        gr.Info("The run is back.")


def loss_plot(points: curves.Points, steps: int) -> Any:
    """The training loss of each step and its smoothed course."""
    rows = [(step, value, "Each step") for step, value in points]
    rows += [(step, value, "Smoothed") for step, value in curves.smoothed(points)]
    return gr.LinePlot(_frame(rows), x_lim=[0, steps], y_lim=list(curves.span(points) or (0, 1)))


def score_plot(metric: str, points: curves.Points, steps: int) -> Any:
    """The validation score, beside the untrained backbone's as a level line."""
    rows = [(step, value, "Tuned prompt") for step, value in points if step > 0 or len(points) > 1]
    untrained = next((value for step, value in points if step == 0), None)
    if untrained is not None:
        rows += [(step, untrained, "Untrained model") for step in (0, steps)]
    share = metric in ("accuracy", "rouge_l")
    return gr.LinePlot(_frame(rows), x_lim=[0, steps], y_lim=[0, 1] if share else list(curves.span(points) or (0, 1)))


def _frame(rows: list[tuple[int, float, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["Step", "Value", "Line"])


def build(studio: Studio, run: gr.State) -> Live:
    """Lays the page of one run out in the current column and wires it."""
    made: dict[str, Any] = {}
    made["head"] = piece(elem_id="run-head")
    with gr.Row(elem_classes="ls-actions", elem_id="run-actions"):
        made["try_it"] = gr.Button("Try it", variant="primary", size="md", visible=False)
        made["stop"] = gr.Button("Stop", variant="stop", size="md", visible=False)
        made["resume"] = gr.Button("Resume", variant="primary", size="md", visible=False)
        made["restore"] = gr.Button("Bring it back", variant="primary", size="md", visible=False)
        made["forward"] = gr.Button("Move up in the queue", size="md", visible=False)
        made["again"] = gr.Button("Start again with changes", size="md", visible=False, link="./")
    made["trouble"] = piece(elem_id="run-trouble", elem_classes="ls-slot")
    # A text and not a State, whose changes no event hears when they come past the queue.
    made["ready"] = gr.Textbox("", visible="hidden", label="Ready", elem_id="run-ready")
    with gr.Column(visible=False) as made["tabs"], gr.Tabs(elem_id="run-tabs") as tabs:
        with gr.Tab("Training", id=_TRAINING):
            made["waiting"] = piece(elem_id="run-waiting", elem_classes="ls-slot")
            with gr.Row(elem_classes="ls-plots", visible=False) as made["plots"]:
                with gr.Column(elem_classes="ls-plot"):
                    piece(parts.key("Training loss", (("each step", "pale"), ("smoothed", "tuned"))))
                    made["loss"] = _plot("Training loss", "Loss")
                with gr.Column(elem_classes="ls-plot"):
                    made["score_title"] = piece()
                    made["score"] = _plot("Score on the held-out rows", "Score")
            made["scores"] = piece(elem_id="run-scores")
            made["confusion"] = piece(elem_id="run-confusion")
            piece(parts.title("Log", "The last lines; at each score a few held-out rows with the model's answers."))
            made["tail"] = piece(elem_id="run-log")
        with gr.Tab("Try", id=_TRY):
            try_tab.build(studio, run, made["ready"])
        with gr.Tab("Export", id=2):
            export_tab.build(studio, run, made["ready"])
        with gr.Tab("Details", id=3):
            with gr.Row(elem_classes="ls-details"):
                with gr.Column(min_width=280):
                    made["recipe"] = piece(elem_id="run-recipe")
                with gr.Column(min_width=280):
                    made["history"] = piece(elem_id="run-history")
            managed = manage_tab.build(studio, run)
            made |= {"name": managed.name, "tags": managed.tags, "note": managed.note}
    made["timer"] = gr.Timer(_SECONDS, active=False)
    made["seen"] = gr.State({})
    names = tuple(made)
    made["stopping"] = made["stop"]

    names = (*[name for name in names if name != "seen"], "stopping", "seen")
    does = Handlers(studio, names)
    live = Live(sentences(does.refresh), [run, made["seen"]], [made[name] for name in names], made["timer"])
    made["timer"].tick(live.refresh, live.inputs, live.outputs, **AT_ONCE)
    for name in ("stop", "resume", "forward", "restore"):
        made[name].click(sentences(getattr(does, name)), run, None, **AT_ONCE).then(
            live.refresh, live.inputs, live.outputs, **AT_ONCE
        )
    made["try_it"].click(lambda: gr.Tabs(selected=_TRY), None, tabs, **AT_ONCE)
    for event in managed.changes:
        event.then(live.refresh, live.inputs, live.outputs, **AT_ONCE)
    return live


def _plot(label: str, title: str) -> gr.LinePlot:
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
