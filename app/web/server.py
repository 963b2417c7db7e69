"""Runs the web server until the studio is ended."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import uvicorn

from lamp.errors import LampError
from lamp.serving.connections import Connection

_LAST_SECONDS = 2
"""How long requests may take after the end was asked for."""
_PRIVATE = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1", "fc00::/7"]
"""Networks of which no visitor of a Space comes: what they say of X-Forwarded-For is the Hub's proxy's word."""


def server_config(app: Any, host: str, port: int, *, on_space: bool = False) -> uvicorn.Config:
    """How the web server is run. on_space: whether the Hub's proxy stands in front."""
    return uvicorn.Config(
        app,
        host=host.strip("[]"),
        port=port,
        http=Connection,
        log_config=None,
        server_header=False,
        ws="none",
        # Who else says for whom it asks is not believed; by default uvicorn believes FORWARDED_ALLOW_IPS, or loopback.
        forwarded_allow_ips=_PRIVATE if on_space else None,
        timeout_graceful_shutdown=_LAST_SECONDS,
    )


def serve_forever(app: Any, host: str, port: int, *, on_space: bool = False) -> None:
    """Serves an ASGI app; returns after Ctrl+C or SIGTERM, with the requests that went on then answered.

    Those of open pages never end: they get _LAST_SECONDS. Raises LampError when the address cannot be listened on.
    """
    config = server_config(app, host, port, on_space=on_space)
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
