"""The addresses at which people sign in and out, and who it is that sends a request."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from app.access.passwords import Users
from app.access.people import Person
from app.settings import Settings
from app.web.answers import Scope
from app.web.attempts import Attempts
from app.web.hub_sign_in import SECONDS, HubSignIn
from app.web.sessions import COOKIE, Grant, Sessions, cookie, set_cookie
from app.web.sign_in_page import hub_page, password_page
from lamp.errors import LampError
from storage.errors import StorageError

_STATE = "lamp-studio-hub"
"""The cookie by which the browser that went to the Hub is known when it comes back."""
_NAME = re.compile(r"[!-~](?:[ -~]{0,98}[!-~])?")
"""A name in a header: printable, at most 100 characters."""


class SignInRoutes:
    """/login, /login/huggingface, /login/callback and /logout, as far as the setting needs them."""

    def __init__(
        self, settings: Settings, owner: Callable[[str, str], str], translated: Callable[[str], str] = str
    ) -> None:
        """owner: under which name the runs of an account of the Hub are kept, by its id and the name it has now;
        translated: makes of a page of HTML the same in the language of who asks for it.

        Raises LampError when the file of users cannot be used.
        """
        self._sign_in, self._framed = settings.sign_in, settings.on_space
        self._users = Users(settings.sign_in.users_file) if settings.sign_in.users_file else None
        self._hub = HubSignIn(settings.sign_in.hub) if settings.sign_in.hub else None
        self._owner, self._translated = owner, translated
        self._sessions, self._attempts = Sessions(), Attempts()
        self.open = frozenset({"/favicon.ico"} if self._sign_in.header else {"/favicon.ico", "/login", "/logout"})
        if self._hub:
            self.open |= {"/login/huggingface", "/login/callback"}

    def person(self, scope: Scope) -> Person | None:
        """Who sends the request; None for nobody. Raises LampError when that cannot be found out."""
        if self._sign_in.header:
            wanted = self._sign_in.header.encode()
            values = [value.decode("latin-1") for key, value in scope["headers"] if key == wanted]
            # Twice: the visitor has sent one as well, and the proxy did not take it away.
            name = values[0].strip() if len(values) == 1 else ""
            return self._sign_in.person(name) if _NAME.fullmatch(name) else None
        signed_in = self._sessions.name(cookie(scope))
        return None if signed_in is None else self.known(signed_in)

    def grant(self, scope: Scope) -> Grant | None:
        """What the browser that sends the request may publish with; None where its person has not granted that."""
        return self._sessions.grant(cookie(scope)) if self._hub else None

    def known(self, name: str) -> Person | None:
        """Somebody who has signed in before; None for who may no longer. Raises LampError as `person` does."""
        return None if self._users and not self._users.knows(name) else self._sign_in.person(name)

    async def answer(self, request: Request) -> Response | None:
        """The answer at one of the addresses; None at any other, which the studio itself answers."""
        path, method = request.url.path, request.method
        if path == "/logout" and path in self.open:
            return self._sign_out(request) if method == "POST" else RedirectResponse("/", 303)
        if path == "/login" and path in self.open:
            if method == "POST" and self._users:
                return await self._check(request, self._users)
            page = password_page if self._users else hub_page
            return self._html(page(target=_local(request.query_params.get("target", "/"))))
        try:
            if path == "/login/huggingface" and self._hub:
                return await self._to_hub(request, self._hub)
            if path == "/login/callback" and self._hub:
                return await self._from_hub(request, self._hub)
        except (LampError, StorageError) as error:
            return self._html(hub_page(str(error)), 502)
        return None

    def refusal(self, request: Request) -> Response:
        """The answer to nobody: the page to sign in on for a browser that asks for a page, a sentence otherwise."""
        if self._sign_in.header:
            return _text("The proxy in front of this studio did not say who you are: sign in there.")
        wants_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
        if wants_page and not request.url.path.startswith("/gradio_api"):
            wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?target={quote(wanted, safe='')}", 303)
        return _text(
            "Sign in first: open the studio's page, or send a token that you made there: Authorization: Bearer ls_…"
        )

    async def _check(self, request: Request, users: Users) -> Response:
        form = await request.form()
        name, password = str(form.get("username", "")).strip(), str(form.get("password", ""))
        target, address = _local(str(form.get("target", "/"))), request.client.host if request.client else ""
        from_page = "text/html" in request.headers.get("accept", "")
        if wait := self._attempts.wait(name, address):
            problem = f"Too many wrong passwords for this name: try again in {wait:.0f} seconds."
            return self._html(password_page(problem, target, name), 429) if from_page else _text(problem, 429)
        if not await asyncio.to_thread(users.check, name, password):
            self._attempts.wrong(name, address)
            problem = "This name and password are not known here: type them again."
            return self._html(password_page(problem, target, name), 401) if from_page else _text(problem)
        self._attempts.right(name, address)
        done = RedirectResponse(target, 303) if from_page else JSONResponse({"success": True})
        return self._signed_in(done, request, name)

    async def _to_hub(self, request: Request, hub: HubSignIn) -> Response:
        query = request.query_params
        address, state = await hub.begin(_local(query.get("target", "/")), query.get("for") == "publishing")
        answer = RedirectResponse(address, 303)
        answer.raw_headers.append(set_cookie(state, _is_secure(request), self._framed, _STATE, SECONDS))
        return answer

    async def _from_hub(self, request: Request, hub: HubSignIn) -> Response:
        query = request.query_params
        who = await hub.finish(query.get("state", ""), cookie(request.scope, _STATE), query.get("code", ""))
        name = await asyncio.to_thread(self._owner, who.subject, who.name)
        return self._signed_in(RedirectResponse(who.target, 303), request, name, who.token)

    def _signed_in(self, answer: Response, request: Request, name: str, publish_with: str = "") -> Response:
        self._sessions.end(cookie(request.scope))
        value = self._sessions.begin(name)
        if publish_with:
            self._sessions.allow_publishing(value, publish_with)
        answer.raw_headers.append(set_cookie(value, _is_secure(request), self._framed))
        return answer

    def _sign_out(self, request: Request) -> Response:
        self._sessions.end(cookie(request.scope))
        answer = RedirectResponse("/login", 303)
        answer.raw_headers.append(set_cookie("", _is_secure(request), self._framed, COOKIE, 0))
        return answer

    def _html(self, page: str, status: int = 200) -> Response:
        return HTMLResponse(self._translated(page), status, {"cache-control": "no-store"})


def _local(target: str) -> str:
    """An address within the studio; its first page in place of any other."""
    return target if re.fullmatch(r"/(?![/\\])[!-\[\]-~]{0,2000}", target) else "/"


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _text(sentence: str, status: int = 401) -> Response:
    return PlainTextResponse(sentence, status, {"cache-control": "no-store"})
