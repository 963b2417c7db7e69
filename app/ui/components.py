"""gr.HTML and gr.Progress as the studio uses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": None}
"""Event options of a page's own handlers: not part of the HTTP API, no progress overlay, any number at a time."""
AT_ONCE: dict[str, Any] = {**QUIET, "queue": False}
"""The same for handlers that answer quickly: they bypass Gradio's queue.

The browser calls the handlers of one event one after another, each when the one before it has answered: so a slow one
belongs in a `.then`, which nothing waits for.
"""

REVOKING = """element.addEventListener('click', (event) => {
    const {revoke} = event.target.closest('[data-revoke]')?.dataset ?? {}
    if (revoke) trigger('click', {number: Number(revoke)})
})"""
"""JavaScript of a piece: a press of one of its buttons of `parts.revoke` is a click with that number."""

BROWSER_ZONE = "() => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'"
"""JavaScript: the name of the browser's time zone, such as "Europe/Vienna", for app.views.local_time."""


def studio_address(request: gr.Request, page: str) -> str:
    """Where the browser has the studio. page: on which the request was made, such as "runs"."""
    return request.headers.get("referer", "").partition(f"/{page}")[0] or "http://127.0.0.1:7860"


def piece(value: str = "", script: str | None = None, **options: Any) -> gr.HTML:
    """A gr.HTML for what app.ui.parts makes, styled by the studio's own style sheet alone.

    script: JavaScript that is run once with `element` and `trigger`.
    """
    return gr.HTML(value, apply_default_css=False, js_on_load=script, **options)


def number_box(value: float, **options: Any) -> gr.Textbox:
    """A box for a number, handed over as it was typed.

    Not a gr.Number: browsers drop a decimal comma from their number boxes, and "0,04" becomes 4 before anybody can
    say so.
    """
    return gr.Textbox(str(value), max_lines=1, elem_classes="ls-number", **options)


def stage_reporter(progress: gr.Progress) -> Callable[[str], None]:
    """A function that shows each sentence as the next of about five stages of the progress bar."""
    stages: list[str] = []

    def on_stage(text: str) -> None:
        stages.append(text)
        progress(min(0.95, len(stages) / 6), desc=text)

    return on_stage
