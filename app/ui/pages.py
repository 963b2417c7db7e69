"""All pages and endpoints as one Gradio app."""

from __future__ import annotations

import gradio as gr

from app.studio import Studio
from app.studio_parts.demo import duplicate_address
from app.ui import api, parts
from app.ui.access import access_page
from app.ui.asking import asked
from app.ui.compare import compare_page
from app.ui.components import piece
from app.ui.runs import runs_page, shared_page
from app.ui.translated_layout import Pages
from app.ui.tune import tune_page

_HOUR, _DAY = 3600, 86_400
_MOST_WAITING = 200
"""Calls that wait for their turn; each may hold as much memory as a request may send."""


def build_ui(studio: Studio) -> gr.Blocks:
    """The Tune page at "/", the Runs page at "/runs", Compare at "/compare", and the named endpoints for scripts.

    Where people sign in, the tokens of their programs are at "/access", and a run that somebody shares is at "/shared".
    """
    studio = asked(studio)
    demo = Pages(title="LAMP Studio", analytics_enabled=False, delete_cache=(_HOUR, _DAY))
    # Not open: calls beside the queue would wait on the few threads that all pages share.
    demo.queue(max_size=_MOST_WAITING, api_open=False)
    with demo:
        api.add_endpoints(studio)  # first: a page's function of the same name would take an endpoint's name
        _tell(studio)
        tune_page.build(studio, demo)
    with demo.route("Runs", "runs"):
        _tell(studio)
        runs_page.build(studio, demo)
    with demo.route("Compare", "compare"):
        _tell(studio)
        compare_page.build(studio, demo)
    if studio.settings.sign_in.asks:
        with demo.route("Access", "access"):
            access_page.build(studio, demo)
        with demo.route("Shared", "shared"):
            shared_page.build(studio, demo)
    return demo


def _tell(studio: Studio) -> None:
    """What is to be known of this studio, on top of every page."""
    settings = studio.settings
    if settings.demo:
        piece(parts.demo_line(duplicate_address(settings)))
    elif not settings.is_lasting:
        piece(
            parts.notice(
                "This Space has no persistent storage: data sets and runs are gone when it restarts or falls asleep. "
                "Take home what you want to keep, or have its owner add storage in the Space's settings.",
                "warn",
            )
        )
    if settings.zero_gpu and not settings.demo:
        piece(
            parts.notice(
                "This Space has ZeroGPU hardware, which lends its GPU for single calls of a minute or two, and runs go "
                "on longer and by themselves: they use the Space's processor. Its owner can choose another GPU in the "
                "Space's settings.",
                "warn",
            )
        )
