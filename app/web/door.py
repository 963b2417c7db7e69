"""Lets in whoever has signed in, and gives out a file only to whom it belongs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request

from app.access.people import Person
from app.studio_parts.reading import READS_ONLY
from app.web.answers import App, Message, Receive, Scope, Send, header, say
from app.web.bearer import NOT_TAKEN, OfToken, sent_token
from app.web.bodies import UPLOAD_PATH
from app.web.sign_in_routes import SignInRoutes
from app.web.uploaded_files import UploadedFiles
from app.web.visitors import Visitors
from lamp.errors import LampError
from storage.errors import StorageError

PERSON = "person"
"""The key of a request's scope under which the Person stands."""
GRANT = "grant"
"""The key under which stands what may be published with, a Grant or None; programs with a token have none."""
_FILES = ("/gradio_api/file=", "/gradio_api/file/")
MayDownload = Callable[[Person, Path], bool]
UploadProblem = Callable[[Person, int], str]
_FORM_BYTES = 10_000
"""What a form may write around a file: the studio itself looks at the file's own size."""


class Door:
    """ASGI middleware. Nobody gets past it to anything but the addresses to sign in at, with no exception to name."""

    def __init__(
        self,
        app: App,
        routes: SignInRoutes | Visitors,
        uploaded: UploadedFiles,
        may_download: MayDownload,
        upload_problem: UploadProblem,
        of_token: OfToken,
    ) -> None:
        """may_download: whether a file was made for a person; asked for files that they did not upload themselves.

        upload_problem: why a person cannot upload so many bytes, "" where they can; of_token: for whom a token acts.
        """
        self._app, self._routes, self._uploaded = app, routes, uploaded
        self._may_download, self._upload_problem, self._of_token = may_download, upload_problem, of_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on with its person, or answers it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        request, path, token = Request(scope, receive), scope["path"], sent_token(scope)
        try:
            if token is not None:  # whoever else a cookie or a proxy names
                person, answer = await asyncio.to_thread(self._of_token, token), None
            else:
                person, answer = self._routes.person(scope), await self._routes.answer(request)
        except (LampError, StorageError) as error:
            await say(send, 503, str(error))
            return
        if token is not None and person is None:
            await say(send, 401, NOT_TAKEN)
            return
        if answer is None and person is None and path not in self._routes.open:
            answer = self._routes.refusal(request)
        if answer is not None:
            await answer(scope, receive, send)
        elif person is None:
            await self._app(scope, receive, send)
        elif (file := _file(path)) is not None and not await self._may_read(person, file):
            await say(send, 403, not_allowed(file))  # Gradio's sentence for a file that does not exist
        elif path.rstrip("/") != UPLOAD_PATH:
            grant = self._routes.grant(scope) if token is None else None
            await self._app({**scope, PERSON: person, GRANT: grant}, receive, send)
        elif person.reads_only:
            await say(send, 403, READS_ONLY)
        elif problem := self._upload_problem(person, max(0, _length(scope) - _FORM_BYTES)):
            await say(send, 403, problem)
        else:
            await self._app({**scope, PERSON: person}, receive, self._noting_uploads(person, send))

    async def _may_read(self, person: Person, file: str) -> bool:
        if self._uploaded.has(person, file):
            return True
        return await asyncio.to_thread(self._may_download, person, Path(file))

    def _noting_uploads(self, person: Person, send: Send) -> Send:
        """Passes an upload's answer on, which lists where its files were put, and notes whose they are."""
        body = b""

        async def watched(message: Message) -> None:
            nonlocal body
            if message["type"] == "http.response.body":
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    self._uploaded.note(person, body)
            await send(message)

        return watched


def not_allowed(file: str) -> str:
    """The sentence about a file that is not there, or not the person's."""
    return f"File not allowed: {file}."


def _length(scope: Scope) -> int:
    """The bytes that a request says it has; BodyLimits in front has looked at how many really come."""
    declared = header(scope, b"content-length") or "0"
    return int(declared) if declared.isdigit() else 0


def _file(path: str) -> str | None:
    """The file that an address names; None for an address of something else."""
    return next((path.removeprefix(start) for start in _FILES if path.startswith(start)), None)
