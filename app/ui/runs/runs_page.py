"""The Runs page: the list of runs, and one run when the address names it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, piece
from app.ui.guard import sentences
from app.ui.runs import list_html, run_page
from app.views import formatting
from storage.states import JobState

_REFRESH_SECONDS = 3.0
_RUNS_A_PAGE = 30
_UNFINISHED = tuple(state for state in JobState if not state.finished)
_FILTERS: dict[str, tuple[JobState, ...]] = {
    "All": tuple(JobState),
    "Active": _UNFINISHED,
    "Done": (JobState.DONE,),
    "Ended early": (JobState.FAILED, JobState.STOPPED, JobState.INTERRUPTED),
}


class RunsList:
    """What the list of runs does."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def open(self, request: gr.Request) -> tuple[str, Any, Any]:
        """The id of the run that the address names, "" for none, and which of the two parts of the page is shown."""
        run = str(request.query_params.get("run", ""))
        return run, gr.update(visible=not run), gr.update(visible=bool(run))

    def disk(self, run: str) -> str:
        """How much room everything takes, and how much is free; nothing on the page of a run."""
        if run:
            return ""
        use = self._studio.disk_use()
        taken, free = formatting.bytes_text(use.total), formatting.bytes_text(use.free)
        return parts.small(f"The studio's files take {taken}; {free} are free.")

    def show(self, run: str, filter_name: str, text: str, most: int, seen: str) -> tuple[Any, Any, Any, str]:
        """The list, whether there is more of it, whether to ask again, and the HTML that the page has seen then.

        filter_name: a key of _FILTERS; text: words to search for; most: runs to show at most.
        """
        if run:
            return gr.skip(), gr.skip(), gr.update(active=False), seen
        jobs = self._studio.jobs(most + 1, states=_FILTERS.get(filter_name, ()), text=text)
        if jobs:
            html = list_html.run_list(jobs[:most], datetime.now(UTC))
        else:
            html = list_html.nothing(runs_exist=bool(self._studio.jobs(1)))
        unfinished = bool(self._studio.jobs(1, states=_UNFINISHED))  # of any filter: a run may come to belong here
        changed = html if html != seen else gr.skip()
        return changed, gr.update(visible=len(jobs) > most), gr.update(active=unfinished), html


def build(studio: Studio, page: gr.Blocks) -> None:
    """Lays the page out in the current Blocks and wires it."""
    piece(parts.header("Runs"))
    run = gr.State("")
    with gr.Column(visible=False) as list_column:
        piece('<div class="ls-hero ls-flat"><h1>Runs</h1></div>')
        with gr.Row(elem_classes="ls-filters"):
            filter_name = gr.Radio(
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
        cards = piece(elem_id="runs")
        more = gr.Button("Show more", visible=False, elem_classes="ls-back")
        disk = piece(elem_id="disk")
    with gr.Column(visible=False) as run_column:
        refresh = run_page.build(studio, run)
    most, seen = gr.State(_RUNS_A_PAGE), gr.State("")
    timer = gr.Timer(_REFRESH_SECONDS, active=False)
    # Pressed by studio.js when the tab is hidden and shown again.
    sleep = gr.Button("Sleep", visible="hidden", elem_id="ls-sleep")
    wake = gr.Button("Wake", visible="hidden", elem_id="ls-wake")

    runs = RunsList(studio)
    show, inputs, outputs = sentences(runs.show), [run, filter_name, text, most, seen], [cards, more, timer, seen]
    opened = page.load(sentences(runs.open), None, [run, list_column, run_column], **AT_ONCE)
    opened.then(show, inputs, outputs, **AT_ONCE)
    opened.then(sentences(runs.disk), run, disk, **QUIET)
    opened.then(refresh.handler, refresh.inputs, refresh.outputs, **AT_ONCE)
    # One at a time: an answer from before a filter was chosen must not come last.
    changes = [filter_name.change, text.change, timer.tick, wake.click]
    gr.on(changes, show, inputs, outputs, trigger_mode="always_last", **AT_ONCE)
    more.click(lambda shown: shown + _RUNS_A_PAGE, most, most, **AT_ONCE).then(show, inputs, outputs, **AT_ONCE)
    sleep.click(lambda: (gr.update(active=False), gr.update(active=False)), None, [timer, refresh.timer], **AT_ONCE)
    wake.click(refresh.handler, refresh.inputs, refresh.outputs, **AT_ONCE)
