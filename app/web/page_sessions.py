"""Keeps what Gradio remembers of an open page, and the files it has stored, to the person whose they are."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from typing import Any
from urllib.parse import parse_qs

from app.access.people import Person
from app.web.answers import App, Message, Receive, Scope, Send, say
from app.web.bodies import UPLOAD_PATH
from app.web.door import PERSON, not_allowed
from app.web.uploaded_files import UploadedFiles

_HEARTBEAT = "/gradio_api/heartbeat/"
_MOST = 50_000


class PageSessions:
    """ASGI middleware behind the Door and BodyLimits, which hands bodies on whole.

    A page makes its own session name up and sends it with each request. Gradio gives the messages and the state of a
    session to whoever names it; here a session belongs to whoever named it first, a person's own pages not to a program
    with their token.
    """

    def __init__(self, app: App, uploaded: UploadedFiles) -> None:
        self._app, self._uploaded, self._lock = app, uploaded, threading.Lock()
        self._owners: OrderedDict[str, Person] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on unless it names the session of somebody else, or hands in a file of theirs."""
        person = scope.get(PERSON)
        if scope["type"] != "http" or not isinstance(person, Person):
            await self._app(scope, receive, send)
            return
        path, names = scope["path"], parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [])
        if path.startswith(_HEARTBEAT):
            names.append(path.removeprefix(_HEARTBEAT).strip("/"))
        if scope["method"] == "POST" and path.rstrip("/") != UPLOAD_PATH:
            message = await receive()
            receive = _with_first(message, receive)
            body = _parsed(message.get("body", b""))
            if isinstance(body, dict) and isinstance(body.get("session_hash"), str):
                names.append(body["session_hash"])
            if (file := self._uploaded.foreign(person, body)) is not None:
                await say(send, 403, not_allowed(file[:500]))
                return
        if all(self._is_of(name, person) for name in names):
            await self._app(scope, receive, send)
        else:
            await say(send, 404, "There is no such page open.")

    def _is_of(self, session: str, person: Person) -> bool:
        with self._lock:
            owner = self._owners.setdefault(session, person)
            self._owners.move_to_end(session)
            if len(self._owners) > _MOST:
                self._owners.popitem(last=False)
        return owner == person


def _parsed(body: bytes) -> Any:
    """A JSON body; None where it is none, for Gradio to refuse."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _with_first(message: Message, receive: Receive) -> Receive:
    """`receive` with a message put before its first one."""
    first = [message]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return again
