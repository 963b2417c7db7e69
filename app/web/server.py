"""Runs the web server until the studio is ended."""

from __future__ import annotations

import threading
from typing import Any

import uvicorn

from lamp.errors import LampError


def serve_forever(app: Any, host: str, port: int) -> None:
    """Serves an ASGI app; returns after Ctrl+C. Raises LampError when the address cannot be listened on.

    The server runs in a thread that ends with the process: it would wait for every open page before it ends by itself.
    """
    config = uvicorn.Config(app, host=host.strip("[]"), port=port, log_config=None, server_header=False, ws="none")
    thread = threading.Thread(target=uvicorn.Server(config).run, name="server", daemon=True)
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:
        return
    raise LampError(f"The studio cannot listen on {host}:{port}: end what uses it, or choose another port.")
