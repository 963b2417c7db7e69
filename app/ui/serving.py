"""The pages as an ASGI app, behind the checks of app.web."""

from __future__ import annotations

import warnings
from pathlib import Path

import gradio as gr
from fastapi import FastAPI
from gradio.utils import get_upload_folder

from app.settings import Settings
from app.ui.theme import launch_options
from app.web.addresses import Addresses
from app.web.answers import App
from app.web.bodies import BodyLimits
from app.web.gate import Gate
from lamp.data.tables.checks import MAX_BYTES


def web_app(demo: gr.Blocks, settings: Settings) -> App:
    """What the web server serves."""
    outer = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "SSR mode", UserWarning)  # said although it is not asked for
        gr.mount_gradio_app(
            outer,
            demo,
            path="/",
            server_name=settings.host,
            server_port=settings.port,
            ssr_mode=False,
            show_error=False,
            enable_monitoring=False,
            allowed_paths=[str(settings.home / "exports")],
            max_file_size=MAX_BYTES,
            **launch_options(),
        )
    return Gate(BodyLimits(outer, Path(get_upload_folder()), settings.low_disk_bytes), Addresses.of(settings))
