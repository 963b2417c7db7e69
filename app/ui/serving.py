"""The pages as an ASGI app, behind the checks of app.web."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path

import gradio as gr
from fastapi import FastAPI, Response
from gradio.utils import get_upload_folder

from app.studio import Studio
from app.ui.theme import launch_options
from app.web.addresses import Addresses
from app.web.answers import App
from app.web.bodies import BodyLimits
from app.web.gate import Gate
from app.web.health import Health
from app.web.metrics import metrics_text
from lamp.data.tables.checks import MAX_BYTES
from storage.errors import StorageError


def web_app(demo: gr.Blocks, studio: Studio) -> App:
    """What the web server serves."""
    settings = studio.settings
    outer = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    if not settings.on_space:
        _add_metrics(outer, studio)
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
    checked = Gate(BodyLimits(outer, Path(get_upload_folder()), settings.low_disk_bytes), Addresses.of(settings))
    return Health(checked, partial(_problem, studio))


def _add_metrics(server: FastAPI, studio: Studio) -> None:
    text = metrics_text(studio.vitals)

    @server.get("/metrics")
    def metrics() -> Response:
        try:
            return Response(text(), media_type="text/plain; version=0.0.4; charset=utf-8")
        except (StorageError, OSError) as error:
            return Response(str(error), status_code=503, media_type="text/plain")


def _problem(studio: Studio) -> str:
    """Why the studio cannot work now; "" when it can."""
    try:
        studio.vitals()
    except (StorageError, OSError) as error:
        return str(error)
    return ""
