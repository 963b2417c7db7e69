"""The buttons below a run's heading: what can be done with the run now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import gradio as gr

from app.ui.language import t


class Actions(NamedTuple):
    """The buttons that do something on the page itself; the others lead to another page."""

    try_it: gr.Button
    stop: gr.Button
    resume: gr.Button
    restore: gr.Button
    move_up: gr.Button


def build(show: Callable[..., Any]) -> Actions:
    """Lays the row of buttons out. show: adds a component to the run's page, as `ViewTable.add` does."""
    with gr.Row(elem_classes="ls-actions", elem_id="run-actions"):
        try_it = show(
            gr.Button("Try it", variant="primary", size="md", visible=False),
            lambda view: (view.can_try, view.verdict is None or view.verdict.tone == "good"),
            _try_button,
        )
        stop = show(
            gr.Button("Stop", variant="stop", size="md", elem_id="run-stop", visible=False),
            lambda view: (view.live, view.stopping),
            _stop_button,
        )
        resume = show(
            gr.Button("Resume", variant="primary", size="md", elem_id="run-resume", visible=False),
            lambda view: view.can_resume,
            visible,
        )
        restore = show(
            gr.Button("Bring it back", variant="primary", size="md", elem_id="run-restore", visible=False),
            lambda view: view.deleted,
            visible,
        )
        move_up = show(
            gr.Button("Move up in the queue", size="md", elem_id="run-move-up", visible=False),
            lambda view: view.can_move_up,
            visible,
        )
        show(
            gr.Button("Start again with changes", size="md", elem_id="run-again", visible=False, link="./"),
            lambda view: f"./?from={view.id}",
            lambda link: gr.update(link=link, visible=True),
        )
        show(
            gr.Button("Compare", size="md", visible=False, link="compare"),
            lambda view: f"compare?runs={','.join(filter(None, (view.id, view.parent)))}",
            lambda link: gr.update(link=link, visible=True),
        )
    return Actions(try_it, stop, resume, restore, move_up)


def visible(shown: bool) -> Any:
    """The update that shows or hides a component."""
    return gr.update(visible=shown)


def _try_button(shown: tuple[bool, bool]) -> Any:
    can_try, gained = shown
    return gr.update(visible=can_try, variant="primary" if gained else "secondary")


def _stop_button(shown: tuple[bool, bool]) -> Any:
    live, stopping = shown
    return gr.update(value=t("Stopping …" if stopping else "Stop"), interactive=not stopping, visible=live)
