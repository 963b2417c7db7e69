"""The studio as the pages have it: at each call that of the person whose request is being answered."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import getattr_static
from typing import Any, cast

from gradio.context import LocalContext

from app.access.people import Person
from app.studio import Studio
from app.web.answers import Scope
from app.web.door import GRANT, PERSON
from app.web.sessions import Grant
from lamp.errors import LampError


class NotSignedIn(LampError):
    """Nobody is known to have asked, in a studio in which people sign in."""


def asked(studio: Studio) -> Studio:
    """`studio` itself where all is one person's; else one that looks at each call who asks, and answers nobody.

    Pages are built once for everybody, so they hold this one, and cannot forget to ask.
    """
    return cast(Studio, _Asked(studio)) if studio.settings.tells_people_apart else studio


class _Asked:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def __getattr__(self, name: str) -> Any:
        if name == "settings" or isinstance(getattr_static(self._studio, name, None), staticmethod):
            return getattr(self._studio, name)  # nothing of anybody's
        method = getattr(type(self._studio), name, None)
        if not callable(method):
            return getattr(self._studio.as_(_asking()), name)
        return self._late(name, method)

    def _late(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """A method that is looked up when it is called: a page's events are wired before anybody asks."""

        @wraps(method)
        def call(*args: Any, **values: Any) -> Any:
            return getattr(self._studio.as_(_asking()), name)(*args, **values)

        del call.__wrapped__  # Gradio counts the arguments, and `self` is none
        return call


def granted() -> Grant | None:
    """What the browser whose request Gradio is answering may publish with; None where that was not granted."""
    grant = _scope().get(GRANT)
    return grant if isinstance(grant, Grant) else None


def _asking() -> Person:
    """The person of the request that Gradio is answering. Raises NotSignedIn."""
    person = _scope().get(PERSON)
    if not isinstance(person, Person):
        raise NotSignedIn("Sign in first: open the studio's page again.")
    return person


def _scope() -> Scope:
    request = LocalContext.request.get(None)
    return getattr(getattr(request, "request", request), "scope", None) or {}
