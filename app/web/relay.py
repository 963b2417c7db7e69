"""One request to a serving process: passed on once its model is loaded, and the answer passed back as it comes."""

from __future__ import annotations

import asyncio
import json

import httpx2

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
        try:
            await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
            return answering.done() and answering.result()
        finally:
            answering.cancel()
            gone.cancel()
            await asyncio.wait({answering, gone})

    async def _answer(self, path: str, body: bytes) -> bool:
        await asyncio.shield(asyncio.wrap_future(self._lease.ready))
        try:
            # A client for each request: it costs less than a millisecond, and belongs to no other event loop.
            transport = httpx2.AsyncHTTPTransport(uds=self._lease.path, verify=False, trust_env=False)
            async with (
                httpx2.AsyncClient(transport=transport, timeout=_SILENT_SECONDS) as client,
                client.stream("POST", f"http://prompts{path}", content=body) as answer,
            ):
                return await self._pass_on(answer)
        except httpx2.HTTPError:
            await self._end_with(Refusal(503, "The model ended while it was answering: ask again.", code="ended"))
        except Refusal as refusal:
            await self._end_with(refusal)
        return False

    async def _pass_on(self, answer: httpx2.Response) -> bool:
        """Raises a Refusal when the prompt is not served any more."""
        async for part in answer.aiter_raw():
            self._check_served()
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
        """Tells why there is no more. Raises it while nothing was answered."""
        if self._lease.revoked:
            refusal = _not_served()
        if not self._begun:
            raise refusal
        event = f"data: {json.dumps(refusal.as_dict())}\n\n" if self._streams else ""
        await self._send({"type": "http.response.body", "body": event.encode(), "more_body": False})

    def _check_served(self) -> None:
        if self._lease.revoked:
            raise _not_served()


def _not_served() -> Refusal:
    return Refusal(404, "This prompt is not served any more.", "model", "model_not_found")


async def _disconnect(receive: Receive) -> None:
    """Returns when the client closes the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
