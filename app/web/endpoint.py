"""The API of OpenAI's clients: who asks is known here, and a serving process answers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.responses import JSONResponse, Response

from app.serving.places import MOST_OF_ONE, Busy
from app.studio import Studio
from app.studio_parts.reading import NotAllowed
from app.studio_parts.serving import NoSuchModel, ServedRun
from app.web.answers import Receive, Scope, Send
from app.web.door import PERSON
from app.web.relay import Relay
from lamp.errors import LampError
from lamp.serving.door import refused
from lamp.serving.fields import Fields
from lamp.serving.refusal import Refusal, wrong
from storage.errors import OverQuota, StorageError

PATH = "/v1/{rest:path}"
_MODELS = "/v1/models"
_ASKING = frozenset({"/v1/chat/completions", "/v1/completions"})
_STATUSES: tuple[tuple[tuple[type[Exception], ...], int, str], ...] = (
    ((NoSuchModel,), 404, "model_not_found"),
    ((NotAllowed,), 403, "not_allowed"),
    ((OverQuota, Busy), 429, "rate_limit_exceeded"),
)
_FAILED = 503


class Endpoint:
    """ASGI app: the models that somebody may ask, and answers of theirs."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            answer = await self._answer(scope, receive, send)
        except Refusal as refusal:
            answer = refused(refusal)
        except (LampError, StorageError) as error:
            answer = refused(_refusal(error))
        if answer is not None:
            await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> Response | None:
        """The answer; None where it was sent already. Raises a Refusal, LampError, StorageError."""
        path, studio = scope["path"], self._studio
        if studio.settings.tells_people_apart:
            studio = studio.as_(scope[PERSON])
        method = "POST" if path in _ASKING else "GET"
        if path not in _ASKING and path != _MODELS and not path.startswith(f"{_MODELS}/"):
            raise Refusal(404, "There is nothing at this address.")
        if scope["method"] != method:
            raise Refusal(405, "This address does not take this method.")
        if path in _ASKING:
            await _pass_on(studio, path, receive, send)
            return None
        if path == _MODELS:
            return JSONResponse({"object": "list", "data": await asyncio.to_thread(_models, studio)})
        return JSONResponse(await asyncio.to_thread(_called, studio, path.removeprefix(f"{_MODELS}/")))


async def _pass_on(studio: Studio, path: str, receive: Receive, send: Send) -> None:
    """Has the prompt that the body names answer. Raises a Refusal, LampError, StorageError before the answer begins."""
    body, more = b"", True
    while more:  # BodyLimits has taken it whole
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    values, model, inputs = await asyncio.to_thread(_read, body)
    lease = await asyncio.to_thread(studio.ask_served, model, inputs)
    answered = False
    try:
        asked = await asyncio.to_thread(_with_model, values, lease.prompt.as_text())
        answered = await Relay(lease, send).run(path, asked, receive)
    finally:
        studio.end_asking(lease, answered=answered)


def _read(body: bytes) -> tuple[dict[str, Any], str, int]:
    """The fields of a body, which model it names, and how many inputs it brings; the rest the process checks."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise wrong(None, f"The body is not JSON: {str(error)[:200].rstrip('.')}.") from None
    model = Fields(values, values if isinstance(values, dict) else ()).text("model")
    prompt = values.get("prompt")
    return values, model, min(len(prompt), MOST_OF_ONE) or 1 if isinstance(prompt, list) else 1


def _with_model(values: dict[str, Any], model: str) -> bytes:
    return json.dumps({**values, "model": model}).encode()


def _models(studio: Studio) -> list[dict[str, Any]]:
    return [_model(one) for one in studio.served()]


def _called(studio: Studio, name: str) -> dict[str, Any]:
    return _model(studio.served_called(name))


def _model(served: ServedRun) -> dict[str, Any]:
    """As `lamp serve` lists it."""
    return {
        "id": served.model,
        "object": "model",
        "created": int(served.since.timestamp()),
        "owned_by": "lamp",
        "input_columns": served.columns,
        "labels": served.kind.labels,
        "voters": served.kind.voters if served.vote else 1,
    }


def _refusal(error: Exception) -> Refusal:
    for kinds, status, code in _STATUSES:
        if isinstance(error, kinds):
            return Refusal(status, str(error), code=code)
    return Refusal(_FAILED, str(error), code="not_available")
