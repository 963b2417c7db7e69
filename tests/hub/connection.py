"""One connection to the small Hub: a request read, answered or refused, and kept."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub.server import Hub, Request


class Refusal(Exception):
    """An answer that is an error, with the headers that huggingface_hub reads."""

    def __init__(self, status: int, message: str, code: str = "", **body: Any) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.body = status, message, code, body


class Connection(BaseHTTPRequestHandler):
    """The frame around every answer; `hub` is set by the server."""

    hub: ClassVar[Hub]
    protocol_version = "HTTP/1.1"

    def answer(self, routes: list[tuple[str, Callable[..., None]]]) -> None:
        self.status, self.body = 0, b""
        path = unquote(urlsplit(self.path).path)
        self.query = parse_qs(urlsplit(self.path).query)
        try:
            self.body = self._read()
            time.sleep(self.hub.delay)
            if self.hub.busy:
                raise Refusal(503, "Service unavailable")
            for pattern, method in routes:
                if match := re.fullmatch(pattern, path):
                    sends_large = self.command == "GET" and path.startswith("/storage/")  # slowly, others meanwhile
                    with nullcontext() if sends_large else self.hub.lock:
                        method(**match.groupdict())
                    return
            raise Refusal(501, f"The small Hub has no route {self.command} {path}")
        except Refusal as refusal:
            headers = {"X-Error-Message": refusal.message, **({"X-Error-Code": refusal.code} if refusal.code else {})}
            self.json({"error": refusal.message, **refusal.body}, refusal.status, headers)
        finally:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.hub.requests.append(Request(self.command, self.path, headers, self.body, self.status))

    def _read(self) -> bytes:
        limit = self.hub.break_upload_after if self.command == "PUT" else None
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
                self._cut(len(body), limit)
            self.rfile.readline()
            return body
        length = int(self.headers.get("Content-Length") or 0)
        self._cut(length, limit)
        return self.rfile.read(length)

    def _cut(self, arrived: int, limit: int | None) -> None:
        if limit is not None and arrived > limit:
            threading.Thread(target=self.hub.stop).start()
            self.hang_up()

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(2)
        raise ConnectionAbortedError("cut by the test")

    def send(self, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        limit, speed = self.hub.break_download_after, self.hub.bytes_per_second
        if not self.path.startswith("/storage/") or (limit is None and speed is None):
            self.wfile.write(body)
            return
        piece = max(1, (speed or 1_000_000) // 20)
        for start in range(0, len(body), piece):
            if limit is not None and start + piece > limit:
                self.wfile.write(body[start:limit])
                self._cut(limit + 1, limit)
            self.wfile.write(body[start : start + piece])
            time.sleep(0.05 if speed else 0)

    def json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send(json.dumps(value).encode(), status, {"Content-Type": "application/json", **(headers or {})})

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the requests are kept in `hub.requests`."""
