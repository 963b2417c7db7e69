"""The first thing that a request meets: checks where it comes from, and says how browsers must treat the answer."""

from __future__ import annotations

from app.web.addresses import Addresses
from app.web.answers import App, Message, Receive, Scope, Send, header, say

_CLOSED = (
    "/monitoring",
    "/gradio_api/process_recording",
    "/gradio_api/proxy=",
    "/gradio_api/vibe-",
    "/gradio_api/undo-vibe-",
    "/gradio_api/dev/",
    "/gradio_api/deep_link",
    "/gradio_api/file=http",
)
"""Beginnings of Gradio's paths that no page of the studio uses."""
_DROPPED = frozenset({b"origin", b"x-hf-authorization"})
"""Headers that nothing behind the gate gets. Gradio allows every origin that it sees, with credentials; gradio_client
sends the Hub's token that its machine has stored to every server that it calls."""
_READING = frozenset({"GET", "HEAD"})


class Gate:
    """ASGI middleware. Pages of other sites can neither read the studio, change anything in it, nor frame it."""

    def __init__(self, app: App, addresses: Addresses) -> None:
        self._app, self._addresses = app, addresses
        frames = " ".join(("'self'", *addresses.framed_by))
        self._headers = [
            (b"content-security-policy", f"frame-ancestors {frames}".encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self._headers]
                if scope["path"].startswith("/gradio_api/file"):  # made again under the same name, or a person's own
                    message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        problem = self._problem(scope)
        if problem is None:
            kept = [(name, value) for name, value in scope["headers"] if name not in _DROPPED]
            await self._app({**scope, "headers": kept}, receive, send_with_headers)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await say(send_with_headers, *problem)

    def _problem(self, scope: Scope) -> tuple[int, str] | None:
        """The status and the sentence of a refusal; None when the request is fine."""
        host, origin = header(scope, b"host") or "", header(scope, b"origin")
        if not self._addresses.allows_host(host):
            return 400, (
                f"This studio does not answer under the name {host[:100]!r}: use the address that it was started with, "
                "or have its owner add that name to STUDIO_ALLOWED_HOSTS."
            )
        reads = scope["type"] == "http" and scope["method"] in _READING
        if not reads and origin is not None and not self._addresses.allows_origin(origin, host):
            return 403, f"Pages of {origin[:100]!r} may not use this studio: open the studio's own pages."
        if scope["path"].startswith(_CLOSED):
            return 404, "There is nothing at this address."
        return None
