"""Two addresses for what watches over the server: does the process answer, and can it work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from app.web.answers import App, Receive, Scope, Send, say

LIVE, READY = "/health/live", "/health/ready"


class Health:
    """ASGI middleware. Answers under every host name, because a probe uses an address; it tells nothing of people's.

    /health/live is 200 while the process answers; a restart helps where it does not. /health/ready is 503, with a
    sentence, while requests would fail.
    """

    def __init__(self, app: App, problem: Callable[[], str]) -> None:
        """problem: why requests would fail now, in one sentence; "" when they would not. May take a while."""
        self._app, self._problem = app, problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a probe, and passes everything else on."""
        path = scope["path"] if scope["type"] == "http" else ""
        if path == LIVE:
            await say(send, 200, "alive")
        elif path == READY:
            problem = await asyncio.to_thread(self._problem)
            await say(send, 503 if problem else 200, problem or "ready")
        else:
            await self._app(scope, receive, send)
