"""Who sends a request to a demo: a visitor, whom nobody asks to sign in."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.access.people import Person
from app.studio_parts.demo import VISITOR
from app.web.answers import Scope


class Visitors:
    """What SignInRoutes is where people sign in."""

    open: frozenset[str] = frozenset()

    def person(self, scope: Scope) -> Person:
        """The visitor, and from where."""
        return replace(VISITOR, address=network_of((scope.get("client") or ("",))[0]))

    def grant(self, scope: Scope) -> None:
        """None: nobody publishes here."""

    def known(self, name: str) -> None:
        """None: no token is taken, whoever made it before this was a demo."""

    async def answer(self, request: Request) -> Response | None:
        """None: there is no address to sign in at."""
        return None

    def refusal(self, request: Request) -> Response:
        """Never needed, because nobody is unknown."""
        return PlainTextResponse("This studio is a demo.", 403)


def network_of(address: str) -> str:
    """An address as it is counted: of IPv6 its first half, because one visitor has all addresses that begin so."""
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return address
    if number.version == 4:
        return address
    mapped = number.ipv4_mapped
    return str(mapped or ipaddress.ip_network((number, 64), strict=False))
