"""Runs the web server until the studio is ended."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import uvicorn

from lamp.errors import LampError

_LAST_SECONDS = 2
"""How long requests may take after the end was asked for."""


def serve_forever(app: Any, host: str, port: int) -> None:
    """Serves an ASGI app; returns after Ctrl+C or SIGTERM, with the requests that went on then answered.

    Those of open pages never end: they get _LAST_SECONDS. Raises LampError when the address cannot be listened on.
    """
    config = uvicorn.Config(
        app,
        host=host.strip("[]"),
        port=port,
        log_config=None,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=_LAST_SECONDS,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="server", daemon=True)
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:
        server.should_exit = True
        with suppress(KeyboardInterrupt):  # a second Ctrl+C does not wait
            thread.join(_LAST_SECONDS + 1)
        return
    raise LampError(f"The studio cannot listen on {host}:{port}: end what uses it, or choose another port.")
