"""Who sends a request to a demo: always the same visitor, whom nobody asks to sign in."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.demo import VISITOR
from app.people import Person
from app.web.answers import Scope


class Visitors:
    """What SignInRoutes is where people sign in."""

    open: frozenset[str] = frozenset()

    def person(self, scope: Scope) -> Person:
        """The visitor."""
        return VISITOR

    def known(self, name: str) -> None:
        """None: no token is taken, whoever made it before this was a demo."""

    async def answer(self, request: Request) -> Response | None:
        """None: there is no address to sign in at."""
        return None

    def refusal(self, request: Request) -> Response:
        """Never needed, because nobody is unknown."""
        return PlainTextResponse("This studio is a demo.", 403)
