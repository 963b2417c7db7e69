"""One request to a serving process: passed on once its model is loaded, and the answer passed back as it comes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2

from app.serving.process import NotServing
from app.serving.servers import Lease
from app.web.answers import Receive, Send
from lamp.serving.refusal import Refusal

_SILENT_SECONDS = 600.0
"""The longest time without a word from the process, which may have long inputs of others before this one."""
_KEPT = frozenset({b"content-type", b"cache-control", b"retry-after"})
"""Headers of the process's answer."""


class Relay:
    """The answer to one request."""

    def __init__(self, lease: Lease, send: Send) -> None:
        self._lease, self._send = lease, send
        self._begun = self._streams = False

    async def run(self, path: str, body: bytes, receive: Receive) -> bool:
        """Passes the request on; returns whether the client got a whole answer that is no error.

        receive: after the body; the process stops when it says that the client is gone. Raises a Refusal or NotServing
        while nothing was answered.
        """
        answering = asyncio.ensure_future(self._answer(path, body))
        gone = asyncio.ensure_future(_disconnect(receive))
        revoked = asyncio.shield(asyncio.wrap_future(self._lease.revoked))
        awaited: set[asyncio.Future[Any]] = {answering, gone, revoked}
        try:
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in awaited:
                one.cancel()
            await asyncio.wait(awaited)
        if not answering.cancelled():
            return answering.result()
        if self._lease.revoked.done():
            await self._end_with(_not_served())
        return False

    async def _answer(self, path: str, body: bytes) -> bool:
        try:
            await asyncio.shield(asyncio.wrap_future(self._lease.ready))
            # A client for each request: it costs less than a millisecond, and belongs to no other event loop.
            transport = httpx2.AsyncHTTPTransport(uds=self._lease.path, verify=False, trust_env=False)
            async with (
                httpx2.AsyncClient(transport=transport, timeout=_SILENT_SECONDS) as client,
                client.stream("POST", f"http://prompts{path}", content=body) as answer,
            ):
                return await self._pass_on(answer)
        except httpx2.HTTPError:
            await self._end_with(Refusal(503, "The model ended while it was answering: ask again.", code="ended"))
        except NotServing:  # as it also says when the studio has ended the process of a prompt
            if self._lease.revoked.done():
                raise _not_served() from None
            raise
        return False

    async def _pass_on(self, answer: httpx2.Response) -> bool:
        async for part in answer.aiter_raw():
            if not self._begun:
                await self._begin(answer)
            await self._send({"type": "http.response.body", "body": part, "more_body": True})
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        return answer.status_code < 400

    async def _begin(self, answer: httpx2.Response) -> None:
        self._begun = True
        self._streams = answer.headers.get("content-type", "").startswith("text/event-stream")
        headers = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() in _KEPT]
        await self._send({"type": "http.response.start", "status": answer.status_code, "headers": headers})

    async def _end_with(self, refusal: Refusal) -> None:
        """Tells why there is no more. Raises it while nothing was answered.

        An answer that is no stream is left without its end, by which its client sees that it is not whole.
        """
        if self._lease.revoked.done():
            refusal = _not_served()
        if not self._begun:
            raise refusal
        if self._streams:
            event = f"data: {json.dumps(refusal.as_dict())}\n\n".encode()
            await self._send({"type": "http.response.body", "body": event, "more_body": False})


def _not_served() -> Refusal:
    return Refusal(404, "This prompt is not served any more.", "model", "model_not_found")


async def _disconnect(receive: Receive) -> None:
    """Returns when the client closes the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
