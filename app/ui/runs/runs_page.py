"""The Runs page: the list of runs, and one run when the address names it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, piece
from app.ui.guard import sentences
from app.ui.runs import run_html, run_page
from app.views import formatting
from storage.records import Job
from storage.states import JobState

_LIST_SECONDS = 3.0
_PAGE = 30
_MOST = 1000
"""Runs that the filters look through."""
_FILTERS: dict[str, tuple[JobState, ...]] = {
    "All": tuple(JobState),
    "Active": (JobState.QUEUED, JobState.RUNNING, JobState.STOPPING),
    "Done": (JobState.DONE,),
    "Ended early": (JobState.FAILED, JobState.STOPPED, JobState.INTERRUPTED),
}


class Handlers:
    """What the list of runs does."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def open(self, request: gr.Request) -> tuple[str, Any, Any]:
        """The run that the address names, and which of the two parts of the page is shown."""
        run = str(request.query_params.get("run", ""))
        return run, gr.Column(visible=not run), gr.Column(visible=bool(run))

    def disk(self, run: str) -> str:
        """How much room everything takes, and what is left."""
        if run:
            return ""
        use = self._studio.disk_use()
        taken, free = formatting.bytes_text(use.total), formatting.bytes_text(use.free)
        return parts.small(f"The studio's files take {taken}; {free} are free.")

    def show(self, run: str, chosen: str, text: str, most: int, before: str) -> tuple[Any, Any, Any, str]:
        """The list, whether there is more of it, whether it is to be asked for again, and what it shows."""
        if run:
            return gr.skip(), gr.skip(), gr.Timer(active=False), before
        jobs = self._studio.jobs(_MOST)
        found = [job for job in jobs if job.state in _FILTERS.get(chosen, ()) and _matches(job, text)]
        html = run_html.listed(found[:most], datetime.now(UTC)) if found else _nothing(bool(jobs))
        going = any(not job.state.finished for job in jobs)
        fresh = html if html != before else gr.skip()
        return fresh, gr.Button(visible=len(found) > most), gr.Timer(active=going), html


def _matches(job: Job, text: str) -> bool:
    everything = " ".join([job.name, job.note, *job.tags, job.dataset_name, run_html.backbone(job)]).lower()
    return all(word in everything for word in text.lower().split())


def _nothing(hidden: bool) -> str:
    if hidden:
        return parts.empty("No run matches", "Choose another filter, or clear the search.")
    return parts.empty(
        "No runs yet",
        "A run is one training of one prompt. The sample is ready to start: it takes a few minutes.",
        "./",
        "Start the first run",
    )


def build(studio: Studio, page: gr.Blocks) -> None:
    """Lays the page out in the current Blocks and wires it."""
    piece(parts.header("Runs"))
    run = gr.State("")
    with gr.Column(visible=False) as every:
        piece('<div class="ls-hero ls-flat"><h1>Runs</h1></div>')
        with gr.Row(elem_classes="ls-filters"):
            chosen = gr.Radio(
                list(_FILTERS), value="All", label="Show", show_label=False, container=False, elem_classes="ls-segments"
            )
            text = gr.Textbox(
                "",
                placeholder="Search names, tags, data sets",
                label="Search",
                show_label=False,
                container=False,
                elem_id="search",
            )
        listed = piece(elem_id="runs")
        more = gr.Button("Show more", visible=False, elem_classes="ls-back")
        disk = piece(elem_id="disk")
    with gr.Column(visible=False) as one:
        live = run_page.build(studio, run)
    most, seen = gr.State(_PAGE), gr.State("")
    tick = gr.Timer(_LIST_SECONDS, active=False)
    # Pressed by studio.js when the tab is hidden and shown again.
    sleep = gr.Button("Sleep", visible="hidden", elem_id="ls-sleep")
    wake = gr.Button("Wake", visible="hidden", elem_id="ls-wake")

    does = Handlers(studio)
    show, given, made = sentences(does.show), [run, chosen, text, most, seen], [listed, more, tick, seen]
    opened = page.load(sentences(does.open), None, [run, every, one], **AT_ONCE)
    opened.then(show, given, made, **AT_ONCE)
    opened.then(sentences(does.disk), run, disk, **QUIET)
    opened.then(live.refresh, live.inputs, live.outputs, **AT_ONCE)
    # One at a time: an answer from before a filter was chosen must not come last.
    gr.on([chosen.change, text.change, tick.tick, wake.click], show, given, made, trigger_mode="always_last", **AT_ONCE)
    more.click(lambda shown: shown + _PAGE, most, most, **AT_ONCE).then(show, given, made, **AT_ONCE)
    sleep.click(lambda: (gr.Timer(active=False), gr.Timer(active=False)), None, [tick, live.timer], **AT_ONCE)
    wake.click(live.refresh, live.inputs, live.outputs, **AT_ONCE)
