"""The first thing that a request meets: whether it comes from a page of a browser, and whether it knows the key."""

from __future__ import annotations

import hmac

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from lamp.serving.refusal import Refusal

_CLOSES = frozenset({408, 413})
"""Refusals behind which there may be more of the body than anybody wants to read."""


class Door:
    """ASGI middleware in front of the API."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        """key: as in `web_api`."""
        self._app, self._key = app, key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (self._app if refusal is None else refused(refusal))(scope, receive, send)

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = dict(scope["headers"])
        if b"origin" in headers:
            # Any page that somebody opens could otherwise use what listens on their own machine.
            return Refusal(403, "Pages in a browser may not use this server: let a program ask it.", code="origin")
        if not self._key or scope["path"] == "/health":
            return None
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), self._key):
            return None
        return Refusal(
            401,
            "The API key is missing or wrong: send the one that the server was started with.",
            code="invalid_api_key",
        )


def refused(refusal: Refusal) -> Response:
    """A refusal as an answer."""
    headers = {"connection": "close"} if refusal.status in _CLOSES else {}
    if refusal.status in (429, 503):
        headers["retry-after"] = "1"
    if refusal.status == 401:
        headers["www-authenticate"] = "Bearer"
    return JSONResponse(refusal.as_dict(), refusal.status, headers)
