"""One run's page: progress, curves, try, export, and what can be done with the run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui.components import AT_ONCE, piece
from app.ui.guard import KNOWN, guarded, inform
from app.ui.runs import (
    inspect_tab,
    manage_tab,
    results_tab,
    run_actions,
    run_html,
    share_box,
    training_tab,
    try_tab,
    use_tab,
    worth_tab,
)
from app.ui.runs.pace import SHORTEST, Pace
from app.ui.runs.refresh import Refresh
from app.ui.runs.view_table import Seen, ViewTable
from app.views import local_time

_Draw = Callable[[ViewTable, Seen], tuple[list[Any], Seen]]
"""Makes the updates of a table from what a page has seen of it, and what the page has seen then."""

_TABS = ("results", "training", "try", "inspect", "worth", "use", "about")
"""Ids of the tabs, as they stand in addresses."""
_RESULTS, _TRAINING, _TRY, _INSPECT, _WORTH, _USE, _ABOUT = _TABS
_KEEP_TAB = """() => {
    if (!window.lampActed) return
    const address = new URL(location)
    address.searchParams.set('tab', %s)
    history.replaceState(history.state, '', address)
}"""
"""JavaScript: writes a tab that the reader chose, and not the page itself, into the address."""


class RunPage:
    """The handlers of a run's page."""

    def __init__(self, studio: Studio, moving: ViewTable, rest: ViewTable, timer: gr.Timer, pace: Pace) -> None:
        """moving: what may change with every step, and the timer, which must not stand still before the end has been
        shown; rest: all else; pace: counts the ticks of all pages."""
        self._studio, self._moving, self._rest, self._timer, self._pace = studio, moving, rest, timer, pace

    def tick(
        self, run: str, seen: Seen, moved: Seen, zone: str = "", style: Sequence[str] = (), words: str = ""
    ) -> list[Any]:
        """An update for each component of `moving`; the moment, if the rest is to be shown anew; and what of `moving`
        the page has seen then.

        Gradio makes each output of an event anew, also those that are skipped: so a tick has few of them. The arguments
        are those of `refresh`.
        """
        if not run:
            return [*(gr.skip() for _ in moved), gr.skip(), moved]
        self._pace.asked(self._moving.shown(self._timer, moved) or SHORTEST)
        draw = self._drawing(run, zone, style, words)
        updates, moved = draw(self._moving, moved)
        is_old = draw(self._rest, seen)[1] != seen
        return [*updates, time.time() if is_old else gr.skip(), moved]

    def tell_rest(self, run: str, seen: Seen, zone: str = "", style: Sequence[str] = (), words: str = "") -> list[Any]:
        """An update for each component of the rest, and what of it the page has seen then."""
        if not run:
            return [*(gr.skip() for _ in seen), seen]
        updates, seen = self._drawing(run, zone, style, words)(self._rest, seen)
        return [*updates, seen]

    def refresh(
        self, run: str, seen: Seen, moved: Seen, zone: str = "", style: Sequence[str] = (), words: str = ""
    ) -> list[Any]:
        """An update for each component of the page, and what the page has seen then of the rest and of `moving`.

        seen, moved: what it has seen of them before; zone: the name of the browser's time zone; style, words: as the
        boxes of the Training tab have them.
        """
        if not run:
            return [*(gr.skip() for _ in (*seen, *moved)), seen, moved]
        draw = self._drawing(run, zone, style, words)
        updates, seen = draw(self._rest, seen)
        of_moving, moved = draw(self._moving, moved)
        return [*updates, *of_moving, seen, moved]

    def _drawing(self, run: str, zone: str, style: Sequence[str], words: str) -> _Draw:
        """What draws a table from one view of the run."""
        try:
            chosen = training_tab.choices_of(style, words)
            found = self._studio.search_log(run, chosen.words) if chosen.words else ""
            view = replace(self._studio.run_view(run), choices=chosen, found_log=found)
            view = local_time.in_zone(view, local_time.zone_of(zone))
        except KNOWN as error:
            sentence = str(error)
            return lambda table, seen: table.updates_without_run(sentence, seen)
        return lambda table, seen: table.updates(view, seen)

    def show(
        self,
        run: str,
        seen: Seen,
        moved: Seen,
        zone: str = "",
        style: Sequence[str] = (),
        words: str = "",
        request: gr.Request | None = None,
    ) -> list[Any]:
        """The same for a page that is opened, or seen again, and before them the tab that it opens with.

        A page that was hidden has a timer that stands still, whatever it was told last.
        """
        first = gr.skip()
        if run and seen == self._rest.unseen:
            asked = str(request.query_params.get("tab", "")) if request else ""
            first = gr.Tabs(selected=asked if asked in _TABS else self._usual_tab(run))
        return [first, *self.refresh(run, seen, self._moving.without(self._timer, moved), zone, style, words)]

    def _usual_tab(self, run: str) -> str:
        """Where one looks at first: the curves of a run that goes on, the results of one that has ended."""
        try:
            return _RESULTS if self._studio.job(run).state.finished else _TRAINING
        except KNOWN:
            return _RESULTS

    def stop(self, run: str) -> None:
        """Asks the run to end."""
        self._studio.stop(run)
        inform("The run ends after this step and keeps its best prompt.")

    def resume(self, run: str) -> None:
        """Queues the run again."""
        self._studio.resume(run)
        inform("The run goes on from its last checkpoint.")

    def move_up(self, run: str) -> None:
        """Moves the run up in the queue."""
        self._studio.raise_priority(run)

    def restore(self, run: str) -> None:
        """Brings a deleted run back."""
        self._studio.restore(run)
        inform("The run is back.")


def build(studio: Studio, run: gr.State, zone: gr.Textbox) -> tuple[Refresh, ...]:
    """Lays the page of one run out in the current column and wires it. Returns what brings its parts up to date.

    run: the id of the run that is shown; zone: the name of the browser's time zone.
    """
    moving, rest = ViewTable(), ViewTable()
    show = rest.add
    moving.add(piece(elem_id="run-head"), run_html.head, without_run=run_html.head_without_run)
    buttons = run_actions.build(show)
    show(piece(elem_id="run-trouble", elem_classes="ls-slot"), run_html.trouble)
    show(piece(elem_id="run-verdict", elem_classes="ls-slot"), run_html.verdict)
    title = moving.add(gr.Textbox("", visible="hidden", label="Title of the tab"), run_html.tab_title)
    title.change(None, title, None, js="(text) => { if (text) document.title = text }")
    # A Textbox, not a State: a State's change event is not fired by handlers that bypass the queue.
    ready = show(
        gr.Textbox("", visible="hidden", label="Ready", elem_id="run-ready"),
        lambda view: view.prompt_version,
        without_run=lambda _: "",
    )
    with gr.Column(visible=False) as content, gr.Tabs(elem_id="run-tabs", overflow_behavior="wrap") as tabs:
        with gr.Tab("Results", id=_RESULTS):
            scored = results_tab.build(studio, run, ready, show)
        with gr.Tab("Training", id=_TRAINING):
            choices = training_tab.build(studio, run, moving.add, show)
        with gr.Tab("Try", id=_TRY) as try_it_out:
            answer_list = try_tab.build(studio, run, ready, try_it_out)
        with gr.Tab("Inspect", id=_INSPECT):
            inspect_tab.build(studio, run, ready)
        with gr.Tab("Worth it?", id=_WORTH):
            worth = worth_tab.build(studio, run, ready)
        with gr.Tab("Use it", id=_USE) as use_it:
            use_tab.build(studio, run, ready, zone, use_it)
        with gr.Tab("About", id=_ABOUT) as about:
            _build_facts(show)
            changes = manage_tab.build(studio, run, show)
            if studio.settings.sign_in.asks:
                share_box.build(studio, run, zone, ready, about)
    show(content, lambda _: True, run_actions.visible, without_run=lambda _: False)
    pace = Pace()
    timer = _build_timer(moving, pace)
    seen, moved = gr.State(rest.unseen), gr.State(moving.unseen)
    # Not a gr.State: its change is an event.
    is_old = gr.Number(visible="hidden", label="Moment of the last change")

    page = RunPage(studio, moving, rest, timer, pace)
    inputs: list[Any] = [run, seen, moved, zone, *choices]
    outputs = [*rest.components, *moving.components, seen, moved]
    refresh: dict[str, Any] = {"fn": guarded(page.refresh), "inputs": inputs, "outputs": outputs, **AT_ONCE}
    timer.tick(guarded(page.tick), inputs, [*moving.components, is_old, moved], **AT_ONCE)
    is_old.change(
        guarded(page.tell_rest),
        [run, seen, zone, *choices],
        [*rest.components, seen],
        trigger_mode="always_last",
        **AT_ONCE,
    )
    gr.on([box.change for box in choices], trigger_mode="always_last", **refresh)
    for event in (*_wire_actions(page, buttons, run), *changes, scored):
        event.then(**refresh)
    buttons.try_it.click(lambda: gr.Tabs(selected=_TRY), None, tabs, **AT_ONCE)
    for tab in tabs.children:
        tab.select(None, None, None, js=_KEEP_TAB % json.dumps(tab.id), **AT_ONCE)
    return Refresh(guarded(page.show), inputs, [tabs, *outputs], timer), answer_list, worth


def _build_facts(show: Callable[..., Any]) -> None:
    with gr.Row(elem_classes="ls-details"):
        with gr.Column(min_width=280):
            show(piece(elem_id="run-recipe"), run_html.recipe)
        with gr.Column(min_width=280):
            show(piece(elem_id="run-history"), run_html.history)


def _build_timer(moving: ViewTable, pace: Pace) -> gr.Timer:
    """The timer of the page, which runs while the run does."""
    return moving.add(
        gr.Timer(SHORTEST, active=False),
        lambda view: pace.seconds() if view.live else 0.0,
        lambda seconds: gr.update(active=True, value=seconds) if seconds else gr.update(active=False),
        without_run=lambda _: 0.0,
    )


def _wire_actions(page: RunPage, buttons: run_actions.Actions, run: gr.State) -> list[Any]:
    """Wires the buttons above the tabs; returns their events."""
    actions = (
        (buttons.stop, page.stop),
        (buttons.resume, page.resume),
        (buttons.move_up, page.move_up),
        (buttons.restore, page.restore),
    )
    return [button.click(guarded(action), run, None, **AT_ONCE) for button, action in actions]
