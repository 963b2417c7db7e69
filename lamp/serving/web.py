"""The web API: OpenAI's paths for chat completions, completions and models."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from lamp.errors import LampError, OutOfMemory
from lamp.inference.growing_answer import TextInput
from lamp.serving.asked import Asked, chat_asked, completion_asked, served
from lamp.serving.bodies import Bodies, Choice, model_body
from lamp.serving.door import Door, refused
from lamp.serving.engine import Engine
from lamp.serving.pending import ClientGone, Pending
from lamp.serving.prompts import ServedPrompts
from lamp.serving.refusal import Refusal, too_little_memory, wrong

_MOST_BYTES = 4_000_000
_MOST_SECONDS = 30.0
"""Time for a body to arrive."""


def web_api(prompts: ServedPrompts, engine: Engine, key: str = "", most_bytes: int = _MOST_BYTES) -> Starlette:
    """The API. key: what clients must send as their API key; "" lets everybody in; most_bytes: of a body."""
    api = _Api(prompts, engine, most_bytes)
    routes = [
        Route("/health", api.health),
        Route("/v1/models", api.models),
        Route("/v1/models/{name:path}", api.model),
        Route("/v1/chat/completions", api.chat, methods=["POST"]),
        Route("/v1/completions", api.completions, methods=["POST"]),
    ]
    handlers: dict[Any, Any] = {
        Refusal: _on_refusal,
        LampError: _on_lamp_error,
        HTTPException: _on_http_error,
        Exception: _on_failure,
    }
    return Starlette(routes=routes, exception_handlers=handlers, middleware=[Middleware(Door, key=key)])


class _Api:
    def __init__(self, prompts: ServedPrompts, engine: Engine, most_bytes: int) -> None:
        self._prompts, self._engine, self._most_bytes = prompts, engine, most_bytes

    async def health(self, _: Request) -> Response:
        running, waiting = self._engine.load
        return JSONResponse({"status": "ok", "running": running, "waiting": waiting})

    async def models(self, _: Request) -> Response:
        return JSONResponse({"object": "list", "data": [model_body(prompt) for prompt in self._prompts]})

    async def model(self, request: Request) -> Response:
        return JSONResponse(model_body(served(request.path_params["name"], self._prompts)))

    async def chat(self, request: Request) -> Response:
        return await self._answer(request, chat_asked, chat=True)

    async def completions(self, request: Request) -> Response:
        return await self._answer(request, completion_asked, chat=False)

    async def _answer(
        self, request: Request, read: Callable[[object, ServedPrompts], Asked], *, chat: bool
    ) -> Response:
        asked, inputs = await asyncio.to_thread(_read, read, await _body(request, self._most_bytes), self._prompts)
        pending = Pending(self._engine, asked.prompt, inputs)
        bodies = Bodies(asked.prompt, self._prompts.backbone.tokenizer, chat=chat)
        if asked.stream:
            events = _stream(request, asked, pending, bodies)
            return StreamingResponse(events, media_type="text/event-stream", headers={"cache-control": "no-cache"})
        choices: dict[int, Choice] = {}
        try:
            async for number, news in pending.events(request.receive):
                if isinstance(news, Choice):
                    choices[number] = news
        except ClientGone:
            return Response(status_code=499)  # nobody reads it
        whole = bodies.whole([choices[number] for number in sorted(choices)], pending.input_tokens)
        return JSONResponse(whole)


def _read(
    read: Callable[[object, ServedPrompts], Asked], body: bytes, prompts: ServedPrompts
) -> tuple[Asked, list[TextInput]]:
    """What a body asks for, in a thread of its own: long inputs take a while. Raises a Refusal."""
    try:
        values = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise wrong(None, f"The body is not JSON: {str(error)[:200].rstrip('.')}.") from None
    asked = read(values, prompts)
    return asked, asked.inputs(prompts)


async def _stream(request: Request, asked: Asked, pending: Pending, bodies: Bodies) -> AsyncIterator[str]:
    """Server-sent events; an error behind the first piece is one of them."""
    choices: list[Choice] = []
    begun: set[int] = set()
    with_scores = asked.top is not None
    try:
        async for number, news in pending.events(request.receive):
            if number not in begun and (first := bodies.first_chunk(number)):
                yield _event(first)
            begun.add(number)
            if not isinstance(news, Choice):
                yield _event(bodies.piece(number, news.text, news.scores if with_scores else None))
                continue
            if news.probabilities:
                yield _event(bodies.piece(number, news.text, None, news.probabilities))
            choices.append(news)
            yield _event(bodies.last_chunk(number, news.finish))
    except Refusal as refusal:
        yield _event(refusal.as_dict())
        return
    except ClientGone:
        return
    if asked.include_usage:
        yield _event(bodies.usage_chunk(choices, pending.input_tokens))
    yield "data: [DONE]\n\n"


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body)}\n\n"


async def _body(request: Request, most: int) -> bytes:
    """The whole body. Raises a Refusal for one that is too large or too slow."""
    parts, size = [], 0
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > most):
        raise _too_large(most)
    try:
        async with asyncio.timeout(_MOST_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise _too_large(most)
                parts.append(part)
    except TimeoutError:
        raise Refusal(408, "The body arrived too slowly: check the connection, then try again.") from None
    return b"".join(parts)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no number of JSON")


def _too_large(most: int) -> Refusal:
    return Refusal(413, f"The body is too large: at most {most / 1e6:.0f} MB are taken.")


async def _on_refusal(_: Request, refusal: Refusal) -> Response:
    return refused(refusal)


async def _on_lamp_error(_: Request, error: LampError) -> Response:
    return refused(too_little_memory() if isinstance(error, OutOfMemory) else Refusal(400, str(error)))


async def _on_http_error(_: Request, error: HTTPException) -> Response:
    sentences = {404: "There is nothing at this address.", 405: "This address does not take this method."}
    return refused(Refusal(error.status_code, sentences.get(error.status_code, str(error.detail))))


async def _on_failure(_: Request, error: Exception) -> Response:
    if isinstance(error, ClientDisconnect):
        return Response(status_code=499)
    return refused(Refusal(500, "The server failed to answer: its log says why."))
