"""Limits for what a request brings: its size, its speed, and the free disk that an upload needs."""

from __future__ import annotations

import shutil
import time
from asyncio import timeout
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.formparsers import MultiPartException

from app.web.answers import App, Message, Receive, Scope, Send, header, say
from lamp.data.tables.checks import MAX_BYTES

UPLOAD_PATH = "/gradio_api/upload"
_DISK_STEP = 32_000_000
"""Bytes of an upload between two looks at the free disk."""


@dataclass(frozen=True)
class Limits:
    """What a body may take."""

    json_bytes: int = 4_000_000
    """Everything that is no upload; the longest recipe has some 100 kB."""
    upload_bytes: int = MAX_BYTES + 1_000_000
    """A file and what a form writes around it."""
    seconds: float = 30.0
    """Time for any body, however short."""
    bytes_per_second: float = 10_000.0
    """The least speed after that time."""


class _Body:
    """Counts the bytes of one body as they come, and stops at the first limit."""

    def __init__(self, receive: Receive, limits: Limits, most: int, check_disk: Callable[[int], str]) -> None:
        self._receive, self._limits, self._most, self._check_disk = receive, limits, most, check_disk
        self._size, self._looked_at, self._began = 0, 0, time.monotonic()
        self.refusal: tuple[int, str] | None = None

    async def receive(self) -> Message:
        """The next part. Raises MultiPartException at a limit, for which Gradio removes what it has stored so far."""
        limits = self._limits
        left = self._began + limits.seconds + self._size / limits.bytes_per_second - time.monotonic()
        try:
            async with timeout(max(0.0, left)):
                message = await self._receive()
        except TimeoutError:
            self._refuse(408, "What was sent arrived too slowly: check the connection, then try again.")
        if message["type"] == "http.disconnect":
            raise MultiPartException("The connection was closed.")
        self._size += len(message.get("body", b""))
        if self._size > self._most:
            self._refuse(*too_large(self._most))
        if self._size - self._looked_at >= _DISK_STEP:
            self._looked_at = self._size
            if problem := self._check_disk(0):
                self._refuse(507, problem)
        return message

    def _refuse(self, status: int, sentence: str) -> None:
        self.refusal = status, sentence
        raise MultiPartException(sentence)


class BodyLimits:
    """ASGI middleware. A body that is no upload is taken whole before anything parses it."""

    def __init__(self, app: App, uploads: Path, low_disk_bytes: int, limits: Limits = Limits()) -> None:
        """uploads: the folder that Gradio stores uploads in; low_disk_bytes: what must stay free there."""
        self._app, self._uploads, self._low_disk, self._limits = app, uploads, low_disk_bytes, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        uploads = scope["path"].rstrip("/") == UPLOAD_PATH
        most = self._limits.upload_bytes if uploads else self._limits.json_bytes
        declared = header(scope, b"content-length") or "0"
        size = int(declared) if declared.isdigit() and len(declared) < 20 else most + 1
        if size > most:
            await say(send, *too_large(most))
        elif uploads and (problem := self._disk_problem(size)):
            await say(send, 507, problem)
        else:
            body = _Body(receive, self._limits, most, self._disk_problem if uploads else lambda _: "")
            await (self._stream if uploads else self._collect)(scope, receive, send, body)

    async def _collect(self, scope: Scope, receive: Receive, send: Send, body: _Body) -> None:
        """Passes the request on once its whole body is here."""
        parts, more = [], True
        try:
            while more:
                message = await body.receive()
                parts.append(message.get("body", b""))
                more = message.get("more_body", False)
        except MultiPartException:
            if body.refusal:
                await say(send, *body.refusal)
            return
        whole = [b"".join(parts)]

        async def replay() -> Message:
            if whole:
                return {"type": "http.request", "body": whole.pop(), "more_body": False}
            return await receive()

        await self._app(scope, replay, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send, body: _Body) -> None:
        """Passes the request on and its body as it comes."""
        more = True

        async def limited() -> Message:
            nonlocal more
            if not more:
                return await receive()
            message = await body.receive()
            more = message.get("more_body", False)
            return message

        async def send_unless_refused(message: Message) -> None:
            if body.refusal is None:
                await send(message)

        await self._app(scope, limited, send_unless_refused)
        if body.refusal:
            await say(send, *body.refusal)

    def _disk_problem(self, size: int) -> str:
        """Why there is no place for `size` more bytes; "" when there is."""
        self._uploads.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._uploads).free
        if free >= size + self._low_disk:
            return ""
        return (
            f"Only {free / 1e9:.2f} GB are free on the studio's disk, too little for this file: "
            "delete runs or data sets that are no longer needed."
        )


def too_large(most: int) -> tuple[int, str]:
    """The refusal of a body that is too large."""
    return 413, f"What was sent is too large: the studio takes at most {most / 1e6:,.0f} MB at a time here."
