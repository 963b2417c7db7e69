"""gr.HTML and gr.Progress as the studio uses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": None}
"""For handlers of a page: no endpoints, nothing flickers, and nobody waits for anybody else."""
AT_ONCE: dict[str, Any] = {**QUIET, "queue": False}
"""The same for quick ones, past the queue."""


def piece(value: str = "", **options: Any) -> gr.HTML:
    """A place for HTML of app.ui.parts and its like: our own style sheet alone, and nothing that clicks."""
    return gr.HTML(value, apply_default_css=False, js_on_load=None, **options)


def stages(progress: gr.Progress, expected: int = 5) -> Callable[[str], None]:
    """Shows each sentence that it is called with as one more of about `expected` stages."""
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        progress(min(0.95, len(said) / (expected + 1)), desc=text)

    return say
