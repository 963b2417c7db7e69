"""Clients that send one byte after another, on a real socket: they end, and nobody else waits for them."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from app.web.bodies import BodyLimits, Limits
from lamp.serving import connections
from lamp.serving.server import server_config
from tests.served import served_at

HEADERS = b"Host: 127.0.0.1\r\n"


async def slow_app(scope: Any, receive: Any, send: Any) -> None:
    """Answers each request later than headers may take."""
    if scope["type"] == "lifespan":
        return
    await asyncio.sleep(2 * connections.HEADER_SECONDS)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"done"})


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of a server with the studio's settings, but short times."""
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.2)
    with served_at(BodyLimits(slow_app, tmp_path, 0, Limits(seconds=0.2))) as number:
        yield number


@pytest.fixture(params=["studio", "lamp serve"])
def either(request: pytest.FixtureRequest, port: int) -> Iterator[int]:
    """Of a studio, or of served prompts."""
    if request.param == "studio":
        yield port
    else:
        with served_at(slow_app, server_config) as number:
            yield number


def trickled(port: int, before: bytes) -> bytes:
    """What a client is answered that sends `before`, and then a byte every 20 ms until its connection is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(before)
        client.settimeout(0.02)
        said = b""
        for _ in range(3000):
            try:
                client.sendall(b"x")
                if not (more := client.recv(1000)):
                    return said
                said += more
            except TimeoutError:
                continue
            except ConnectionError:
                return said
    pytest.fail("The connection stayed open for a minute.")


def asked(client: socket.socket) -> bytes:
    """What a client is answered that asks as browsers do."""
    client.sendall(b"GET / HTTP/1.1\r\n" + HEADERS + b"\r\n")
    said = b""
    while not said.endswith(b"done"):
        more = client.recv(1000)
        assert more, said
        said += more
    return said


@pytest.mark.parametrize("before", [b"", b"GET / HTTP/1.1\r\n" + HEADERS + b"X-Long: "])
def test_headers_that_trickle_in_end(either: int, before: bytes) -> None:
    assert trickled(either, before) == b""


def test_a_connection_on_which_nothing_is_sent_ends(either: int) -> None:
    with socket.create_connection(("127.0.0.1", either), timeout=60) as client, suppress(ConnectionResetError):
        assert client.recv(1) == b""


def test_a_body_that_trickles_in_is_refused_on_the_socket_too(port: int) -> None:
    said = trickled(port, b"POST / HTTP/1.1\r\n" + HEADERS + b"Content-Length: 1000000\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 408") and b"too slowly" in said


def test_others_are_answered_meanwhile_and_a_slow_answer_is_no_slow_request(either: int) -> None:
    idle = [socket.create_connection(("127.0.0.1", either)) for _ in range(200)]
    try:
        for client in idle:
            client.sendall(b"GET / HTTP/1.1\r\nX-Long: ")
        with socket.create_connection(("127.0.0.1", either), timeout=60) as client:
            assert asked(client).startswith(b"HTTP/1.1 200")
            time.sleep(connections.HEADER_SECONDS)  # the pause between two requests is no slow header either
            assert asked(client).startswith(b"HTTP/1.1 200")
    finally:
        for client in idle:
            client.close()
