"""Programs: a token in a header of a request says for whom it acts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from app.access.people import Person
from app.studio import Studio
from app.web.answers import Scope, header
from app.web.sign_in_routes import SignInRoutes
from app.web.visitors import Visitors
from storage.tokens import PREFIX

OfToken = Callable[[str], Person | None]
HEADER = b"x-studio-token"
NOT_TAKEN = "This token is not known here, or it has ended or was revoked: make one on the studio's Access page."


def sent_token(scope: Scope) -> str | None:
    """The studio's token that a request sends; None when it sends none, but perhaps another server's.

    A private Space needs the Authorization header for the Hub's own token: the other one is for the studio alone.
    """
    own = header(scope, HEADER)
    if own is not None:
        return own.strip()
    scheme, _, secret = (header(scope, b"authorization") or "").partition(" ")
    secret = secret.strip()
    return secret if scheme.lower() == "bearer" and secret.startswith(PREFIX) else None


def of_token(studio: Studio, routes: SignInRoutes | Visitors) -> OfToken:
    """A function from a token to the person whom it acts for; None when it is not taken, or the person may not sign in.

    The function raises LampError and StorageError when that cannot be found out.
    """

    def person(secret: str) -> Person | None:
        token = studio.token(secret)
        owner = routes.known(token.owner) if token is not None else None
        if token is None or owner is None:
            return None
        return replace(owner, by_token=True, reads_only=token.reads_only)

    return person
