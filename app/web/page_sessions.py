"""Keeps what Gradio remembers of an open page to the person who opened it."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from urllib.parse import parse_qs

from app.people import Person
from app.web.answers import App, Message, Receive, Scope, Send, say
from app.web.bodies import UPLOAD_PATH
from app.web.door import PERSON

_HEARTBEAT = "/gradio_api/heartbeat/"
_MOST = 50_000


class PageSessions:
    """ASGI middleware behind the Door and BodyLimits, which hands bodies on whole.

    A page makes its own session name up and sends it with each request. Gradio gives the messages and the state of a
    session to whoever names it; here a session belongs to whoever named it first.
    """

    def __init__(self, app: App) -> None:
        self._app, self._lock = app, threading.Lock()
        self._owners: OrderedDict[str, str] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on unless it names the session of somebody else."""
        person = scope.get(PERSON)
        if scope["type"] != "http" or not isinstance(person, Person):
            await self._app(scope, receive, send)
            return
        path, names = scope["path"], parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [])
        if path.startswith(_HEARTBEAT):
            names.append(path.removeprefix(_HEARTBEAT).strip("/"))
        if scope["method"] == "POST" and path.rstrip("/") != UPLOAD_PATH:
            message = await receive()
            names += _named(message.get("body", b""))
            receive = _with_first(message, receive)
        if all(self._is_of(name, person) for name in names):
            await self._app(scope, receive, send)
        else:
            await say(send, 404, "There is no such page open.")

    def _is_of(self, session: str, person: Person) -> bool:
        with self._lock:
            owner = self._owners.setdefault(session, person.name)
            self._owners.move_to_end(session)
            if len(self._owners) > _MOST:
                self._owners.popitem(last=False)
        return owner == person.name


def _named(body: bytes) -> list[str]:
    """The session that a JSON body names."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):  # for Gradio to refuse
        return []
    name = values.get("session_hash") if isinstance(values, dict) else None
    return [name] if isinstance(name, str) else []


def _with_first(message: Message, receive: Receive) -> Receive:
    """`receive` with a message put before its first one."""
    first = [message]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return again
