"""The Runs page: the list of runs, and one run when the address names it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, piece
from app.ui.guard import guarded, inform
from app.ui.runs import list_html, run_page
from app.views import formatting
from app.views.local_time import BROWSER_ZONE, zone_of
from storage.states import JobState

_REFRESH_SECONDS = 3.0
_RUNS_A_PAGE = 30
_MOST_RUNS = 3000
"""Runs that an address can ask for."""
_UNFINISHED = tuple(state for state in JobState if not state.finished)
_FILTERS: dict[str, tuple[JobState, ...]] = {
    "All": tuple(JobState),
    "Active": _UNFINISHED,
    "Done": (JobState.DONE,),
    "Ended early": (JobState.FAILED, JobState.STOPPED, JobState.INTERRUPTED),
    "Deleted": (),
}
"""The states that each filter shows; deleted runs are in none of the others, whatever their state is."""
_KEEP_IN_ADDRESS = f"""(shown, text, rows) => {{
    const address = new URL(location)
    if (address.searchParams.has('run')) return
    const keep = (name, value, usual) =>
        value && value !== usual ? address.searchParams.set(name, value) : address.searchParams.delete(name)
    keep('show', shown, 'All')
    keep('search', text, '')
    keep('rows', rows, {_RUNS_A_PAGE})
    history.replaceState(history.state, '', address)
}}"""
"""JavaScript (filter, words to search for, rows): writes them into the address, where Back and a reload find them."""


class RunsList:
    """The handlers of the list of runs."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def open(self, request: gr.Request) -> tuple[str, Any, Any, str, str, int]:
        """The id of the run that the address names, "" for none; which of the two parts of the page is shown; and the
        list's filter, search and rows as the address has them."""
        run = str(request.query_params.get("run", ""))
        return run, gr.update(visible=not run), gr.update(visible=bool(run)), *list_at(request.query_params)

    def restore(self, event: gr.EventData) -> None:
        """Brings back the deleted run whose button was pressed."""
        job = self._studio.restore(str(event.run))
        inform(f"{job.name} is back.")

    def disk(self, run: str) -> str:
        """How much room everything takes, and how much is free; nothing on the page of a run."""
        if run:
            return ""
        use = self._studio.disk_use()
        taken, free = formatting.bytes_text(use.total), formatting.bytes_text(use.free)
        return parts.small(f"The studio's files take {taken}; {free} are free.")

    def show(self, run: str, filter_name: str, text: str, most: int, seen: str, zone: str) -> tuple[Any, Any, Any, Any]:
        """Updates of the list, of the button for more runs and of the timer; and the HTML that the page shows then.

        filter_name: a key of _FILTERS; text: words to search for; most: runs to show at most; seen: the HTML that the
        page shows now; zone: the name of the browser's time zone, "" until the page has asked for it.
        """
        if not zone:
            # The page is being filled in from its address, piece by piece, and Gradio sends the pieces' changes side by
            # side. The time zone comes last: that change is answered, with all of them.
            return gr.skip(), gr.skip(), gr.skip(), gr.skip()
        if run:
            return gr.skip(), gr.skip(), gr.update(active=False), seen
        deleted = filter_name == "Deleted"
        if deleted:
            jobs = self._studio.deleted_jobs(most + 1, text)
        else:
            jobs = self._studio.jobs(most + 1, states=_FILTERS.get(filter_name, ()), text=text)
        if jobs:
            html = list_html.run_list(jobs[:most], datetime.now(zone_of(zone)))
        elif deleted and not text.strip():
            html = list_html.empty_bin()
        else:
            html = list_html.empty_list(runs_exist=bool(self._studio.jobs(1)))
        # Whatever the filter is: an unfinished run may come to match it.
        unfinished = bool(self._studio.jobs(1, states=_UNFINISHED))
        changed = html if html != seen else gr.skip()
        return changed, gr.update(visible=len(jobs) > most), gr.update(active=unfinished), html


def list_at(query: Mapping[str, str]) -> tuple[str, str, int]:
    """The filter, the words to search for and the rows of the list at an address."""
    filter_name, rows = query.get("show", ""), query.get("rows", "")
    return (
        filter_name if filter_name in _FILTERS else "All",
        query.get("search", ""),
        min(max(int(rows), _RUNS_A_PAGE), _MOST_RUNS) if re.fullmatch(r"[0-9]{1,6}", rows) else _RUNS_A_PAGE,
    )


def build(studio: Studio, page: gr.Blocks) -> None:
    """Lays the page out in the current Blocks and wires it."""
    piece(parts.header("Runs"))
    run, zone = gr.State(""), gr.Textbox("", visible="hidden", label="Time zone")
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
        cards = piece(script=list_html.RESTORE, elem_id="runs")
        more = gr.Button("Show more", visible=False, elem_classes="ls-back")
        disk = piece(elem_id="disk")
    with gr.Column(visible=False) as run_column:
        of_run = run_page.build(studio, run, zone)
    refresh = of_run[0]
    # Not a gr.State: the browser writes it into the address.
    most, seen = gr.Number(_RUNS_A_PAGE, precision=0, visible="hidden", label="Rows"), gr.State("")
    timer = gr.Timer(_REFRESH_SECONDS, active=False)
    # Pressed by studio.js when the tab is hidden and shown again.
    sleep = gr.Button("Sleep", visible="hidden", elem_id="ls-sleep")
    wake = gr.Button("Wake", visible="hidden", elem_id="ls-wake")

    runs = RunsList(studio)
    show, outputs = guarded(runs.show), [cards, more, timer, seen]
    inputs = [run, filter_name, text, most, seen, zone]
    opened = page.load(
        guarded(runs.open), None, [run, list_column, run_column, filter_name, text, most], **AT_ONCE
    ).then(None, None, zone, js=BROWSER_ZONE, **AT_ONCE)
    opened.then(guarded(runs.disk), run, disk, **QUIET)
    opened.then(refresh.handler, refresh.inputs, refresh.outputs, **AT_ONCE)
    # One at a time: an answer from before a filter was chosen, or from before the rows of an address were known, must
    # not come last.
    changes = [zone.change, filter_name.change, text.change, most.change, timer.tick, wake.click]
    gr.on(changes, show, inputs, outputs, trigger_mode="always_last", **AT_ONCE)
    more.click(lambda shown: shown + _RUNS_A_PAGE, most, most, **AT_ONCE)
    kept: list[Any] = [filter_name, text, most]
    gr.on([component.change for component in kept], None, kept, None, js=_KEEP_IN_ADDRESS, **AT_ONCE)
    cards.click(guarded(runs.restore), None, None, **AT_ONCE).then(show, inputs, outputs, **AT_ONCE)
    timers = [timer, *(part.timer for part in of_run)]
    sleep.click(lambda: [gr.Timer(active=False)] * len(timers), None, timers, **AT_ONCE)
    for part in of_run:
        wake.click(part.handler, part.inputs, part.outputs, **AT_ONCE)
