"""gr.HTML and gr.Progress as the studio uses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": None}
"""Event options of a page's own handlers: not part of the HTTP API, no progress overlay, any number at a time."""
AT_ONCE: dict[str, Any] = {**QUIET, "queue": False}
"""The same for handlers that answer quickly: they bypass Gradio's queue."""


def piece(value: str = "", **options: Any) -> gr.HTML:
    """A gr.HTML for what app.ui.parts makes: styled by the studio's own style sheet alone, without scripts."""
    return gr.HTML(value, apply_default_css=False, js_on_load=None, **options)


def stage_reporter(progress: gr.Progress, expected: int = 5) -> Callable[[str], None]:
    """A function that shows each sentence as the next of about `expected` stages of the progress bar."""
    stages: list[str] = []

    def on_stage(text: str) -> None:
        stages.append(text)
        progress(min(0.95, len(stages) / (expected + 1)), desc=text)

    return on_stage
