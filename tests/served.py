"""An app on a real socket, served as the studio is, in a thread of the tests' own process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from app.web.server import server_config


@contextmanager
def served_at(app: Any) -> Iterator[int]:
    """The port at which the app answers."""
    server = uvicorn.Server(server_config(app, "127.0.0.1", 0))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(300)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
