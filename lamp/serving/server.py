"""Listens until it is ended."""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp

from lamp.errors import LampError
from lamp.serving.connections import Connection

KEY = "LAMP_API_KEY"
"""The environment variable with the key that clients must send."""
_LAST_SECONDS = 30
"""How long answers that are being written may take after the end was asked for."""


def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Serves an app; returns after Ctrl+C or SIGTERM, when the requests of that moment are answered."""
    # uvicorn raises the signal again once it has ended; SIGTERM would then kill the process.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(server_config(app)).run(sockets=[listener])


def server_config(app: ASGIApp) -> uvicorn.Config:
    """How an app is served."""
    return uvicorn.Config(
        app,
        http=Connection,
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=_LAST_SECONDS,
    )


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket to listen with. Raises LampError when the address cannot be had."""
    try:
        (family, kind, protocol, _, place), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
    except (OSError, UnicodeError) as error:  # UnicodeError: for what cannot be the name of a machine
        raise LampError(
            f"The server cannot listen on {host}:{port} ({getattr(error, 'strerror', None) or error}): end what uses "
            "it, or choose another address."
        ) from None
    return listener


def address_of(listener: socket.socket) -> str:
    """The address of a bound socket, as clients write it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def api_key() -> str:
    """The key that clients must send; "" when there is none. Raises LampError for one that no client could send."""
    key = os.environ.get(KEY, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise LampError(f"The key in {KEY} must be of printable ASCII characters.")
    return key


def is_open(host: str) -> bool:
    """Whether other machines can reach a host that is listened on."""
    return host not in ("127.0.0.1", "localhost", "::1")


def note(text: str) -> None:
    """A line for whoever started the server."""
    print(text, file=sys.stderr, flush=True)
