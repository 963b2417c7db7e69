"""An app on a real socket, served as the studio is, in a thread of the tests' own process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from app.web.server import server_config


def as_the_studio(app: Any) -> uvicorn.Config:
    return server_config(app, "127.0.0.1", 0)


@contextmanager
def served_at(app: Any, config: Callable[[Any], uvicorn.Config] = as_the_studio) -> Iterator[int]:
    """The port at which the app answers."""
    server = uvicorn.Server(config(app))
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
