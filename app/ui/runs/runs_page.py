"""The Runs page: the list of runs, and one run when the address names it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import top
from app.ui.components import AT_ONCE, BROWSER_ZONE, QUIET, piece
from app.ui.guard import guarded
from app.ui.runs import import_box, list_html, notices, run_page, selected_html
from app.ui.runs.runs_list import FILTERS, RUNS_A_PAGE, RunsList, Sort

_REFRESH_SECONDS = 3.0
_KEEP_IN_ADDRESS = f"""(shown, text, sort, rows) => {{
    const address = new URL(location)
    if (address.searchParams.has('run')) return
    const keep = (name, value, usual) =>
        value && value !== usual ? address.searchParams.set(name, value) : address.searchParams.delete(name)
    keep('show', shown, 'All')
    keep('search', text, '')
    keep('sort', sort, '{Sort()}')
    keep('rows', rows, {RUNS_A_PAGE})
    history.replaceState(history.state, '', address)
}}"""
"""JavaScript (filter, words, sort, rows): writes them into the address, where Back and a reload find them."""


def build(studio: Studio, page: gr.Blocks) -> None:
    """Lays the page out in the current Blocks and wires it."""
    top.build(studio, "Runs")
    notices.build(studio)
    run, zone = gr.State(""), gr.Textbox("", visible="hidden", label="Time zone")
    changes = gr.Number(0, precision=0, visible="hidden", label="Changes")  # no gr.State: its changes are events
    with gr.Column(visible=False) as list_column:
        piece('<div class="ls-hero ls-flat"><h1>Runs</h1></div>')
        filter_name, text = _build_filters()
        import_box.build(studio, changes)
        said = piece(script=selected_html.UNDO, elem_id="list-said", elem_classes="ls-slot")
        table = piece(script=list_html.EVENTS, elem_id="runs")
        more = gr.Button("Show more", visible=False, elem_classes="ls-back")
        disk = piece(elem_id="disk")
        selected = piece(selected_html.BAR, script=selected_html.script(), elem_id="selected")
    with gr.Column(visible=False) as run_column:
        of_run = run_page.build(studio, run, zone)
    refresh = of_run[0]
    # None of these is a gr.State: their changes are events.
    sort = gr.Textbox(str(Sort()), visible="hidden", label="Sort")
    most = gr.Number(RUNS_A_PAGE, precision=0, visible="hidden", label="Rows")
    seen = gr.State("")
    timer = gr.Timer(_REFRESH_SECONDS, active=False)
    # Pressed by studio.js when the tab is hidden and shown again.
    sleep = gr.Button("Sleep", visible="hidden", elem_id="ls-sleep")
    wake = gr.Button("Wake", visible="hidden", elem_id="ls-wake")

    runs = RunsList(studio)
    inputs = [run, filter_name, text, sort, most, seen, zone]
    opened = page.load(
        guarded(runs.open), None, [run, list_column, run_column, filter_name, text, sort, most], **AT_ONCE
    ).then(None, None, zone, js=BROWSER_ZONE, **AT_ONCE)
    opened.then(guarded(runs.disk), run, disk, **QUIET)
    opened.then(refresh.handler, refresh.inputs, refresh.outputs, **AT_ONCE)
    # All in one event, which is answered one at a time: an answer from before a filter was chosen, a run was deleted or
    # the rows of an address were known must not come last.
    asks: list[Any] = [zone, filter_name, text, sort, most, changes]
    gr.on(
        [*(component.change for component in asks), timer.tick, wake.click],
        guarded(runs.show),
        inputs,
        [table, more, timer, seen],
        trigger_mode="always_last",
        **AT_ONCE,
    )
    kept: list[Any] = [filter_name, text, sort, most]
    gr.on([component.change for component in kept], None, kept, None, js=_KEEP_IN_ADDRESS, **AT_ONCE)
    more.click(lambda shown: shown + RUNS_A_PAGE, most, most, **AT_ONCE)
    table.select(guarded(runs.sort), sort, sort, **AT_ONCE)
    table.click(guarded(runs.restore), changes, changes, **AT_ONCE)
    selected.click(guarded(runs.change), changes, [said, changes], **AT_ONCE)
    said.click(guarded(runs.undo), changes, [said, changes], **AT_ONCE)
    timers = [timer, *(part.timer for part in of_run)]
    sleep.click(lambda: [gr.Timer(active=False)] * len(timers), None, timers, **AT_ONCE)
    for part in of_run:
        wake.click(part.handler, part.inputs, part.outputs, **AT_ONCE)


def _build_filters() -> tuple[gr.Radio, gr.Textbox]:
    with gr.Row(elem_classes="ls-filters"):
        filter_name = gr.Radio(
            list(FILTERS), value="All", label="Show", show_label=False, container=False, elem_classes="ls-segments"
        )
        text = gr.Textbox(
            "",
            placeholder="Search names, tags, models, data sets",
            label="Search",
            show_label=False,
            container=False,
            elem_id="search",
        )
    return filter_name, text
