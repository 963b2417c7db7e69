"""All pages and endpoints as one Gradio app."""

from __future__ import annotations

import gradio as gr

from app.studio import Studio
from app.ui import api
from app.ui.compare import compare_page
from app.ui.runs import runs_page
from app.ui.tune import tune_page

_HOUR, _DAY = 3600, 86_400
_MOST_WAITING = 200
"""Calls that wait for their turn; each may hold as much memory as a request may send."""


def build_ui(studio: Studio) -> gr.Blocks:
    """The Tune page at "/", the Runs page at "/runs", Compare at "/compare", and the named endpoints for scripts."""
    demo = gr.Blocks(title="LAMP Studio", analytics_enabled=False, delete_cache=(_HOUR, _DAY))
    demo.queue(max_size=_MOST_WAITING)
    with demo:
        tune_page.build(studio, demo)
        api.add_endpoints(studio)
    with demo.route("Runs", "runs"):
        runs_page.build(studio, demo)
    with demo.route("Compare", "compare"):
        compare_page.build(studio, demo)
    return demo
