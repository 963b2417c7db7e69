"""The API of OpenAI's clients: who asks is known here, and a serving process answers."""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from starlette.responses import JSONResponse, Response

from app.answering.prompt_kind import PromptKind
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
_THREADS = 8
"""Of the endpoint's own, so that a slow store of files keeps none of those that sign-in and the health check use."""

_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")


class Endpoint:
    """ASGI app: the models that somebody may ask, and answers of theirs."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._threads = ThreadPoolExecutor(_THREADS, "endpoint")

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
            await self._pass_on(studio, path, receive, send)
            return None
        if path == _MODELS:
            return JSONResponse({"object": "list", "data": await self._apart(_models, studio)})
        return JSONResponse(await self._apart(_called, studio, path.removeprefix(f"{_MODELS}/")))

    async def _pass_on(self, studio: Studio, path: str, receive: Receive, send: Send) -> None:
        """Has the prompt that the body names answer. Raises a Refusal, LampError, StorageError before it begins."""
        body, more = b"", True
        while more:  # BodyLimits has taken it whole
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        values, model, inputs = await self._apart(_read, body)
        lease = await self._apart(studio.ask_served, model, inputs)
        answered = False
        try:
            asked = await self._apart(_with_model, values, lease.prompt.as_text())
            answered = await Relay(lease, send).run(path, asked, receive)
        finally:
            studio.end_asking(lease, answered=answered)

    async def _apart(self, work: Callable[_Given, _Made], *args: _Given.args, **values: _Given.kwargs) -> _Made:
        """Does work in a thread. Raises what it raises, and a Refusal for files that cannot be read."""
        context = contextvars.copy_context()
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: context.run(work, *args, **values)
            )
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise Refusal(
                _FAILED, f"The files cannot be read now ({why}): ask again later.", code="not_available"
            ) from error


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
    values = {**values, "model": model}
    try:
        return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half a pair of surrogates, which the process refuses in a sentence
        return json.dumps(values, separators=(",", ":")).encode()


def _models(studio: Studio) -> list[dict[str, Any]]:
    return [_model(one, one.kind) for one in studio.served() if one.kind]


def _called(studio: Studio, name: str) -> dict[str, Any]:
    served = studio.served_called(name)
    if not served.kind:
        raise Refusal(_FAILED, served.problem, code="not_available")
    return _model(served, served.kind)


def _model(served: ServedRun, kind: PromptKind) -> dict[str, Any]:
    """As `lamp serve` lists it."""
    return {
        "id": served.model,
        "object": "model",
        "created": int(served.since.timestamp()),
        "owned_by": "lamp",
        "input_columns": served.columns,
        "labels": kind.labels,
        "voters": kind.voters if served.vote else 1,
    }


def _refusal(error: Exception) -> Refusal:
    for kinds, status, code in _STATUSES:
        if isinstance(error, kinds):
            return Refusal(status, str(error), code=code)
    return Refusal(_FAILED, str(error), code="not_available")
