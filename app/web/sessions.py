"""Who has signed in: a random value in a cookie, known to this process alone."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

from app.web.answers import Scope, header

COOKIE = "lamp-studio"
SECONDS = 14 * 24 * 3600
"""How long somebody stays signed in. A restart of the studio ends it as well."""
_MOST = 20_000
GRANT_SECONDS = 600
"""How long a permission to publish holds that is not used."""


class Sessions:
    """Names by the digests of what the browsers' cookies hold."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._grants: OrderedDict[str, tuple[str, float]] = OrderedDict()
        """Tokens of the Hub with which can be published, for one use."""

    def begin(self, name: str) -> str:
        """A new value for the cookie of a browser."""
        value = secrets.token_urlsafe(32)
        with self._lock:
            self._names[_digest(value)] = name, time.monotonic() + SECONDS
            if len(self._names) > _MOST:
                self._names.popitem(last=False)
        return value

    def name(self, value: str) -> str | None:
        """Who has signed in with the browser that sends this value; None when nobody has, or too long ago."""
        with self._lock:
            name, until = self._names.get(_digest(value), ("", 0.0))
        return name if time.monotonic() < until else None

    def end(self, value: str) -> None:
        """Signs the browser out."""
        with self._lock:
            self._names.pop(_digest(value), None)
            self._grants.pop(_digest(value), None)

    def allow_publishing(self, value: str, token: str) -> None:
        """Keeps the Hub's token of somebody who has signed in, until it is used or GRANT_SECONDS are over."""
        with self._lock:
            self._grants[_digest(value)] = token, time.monotonic() + GRANT_SECONDS
            for old in [key for key, (_, until) in self._grants.items() if until < time.monotonic()]:
                del self._grants[old]

    def grant(self, value: str) -> Grant | None:
        """What a browser may publish with; None when it was not granted, was used, or is too long ago."""
        key = _digest(value)
        with self._lock:
            token, until = self._grants.get(key, ("", 0.0))
            if time.monotonic() >= until:
                self._grants.pop(key, None)
                return None
        return Grant(token, lambda: self._used(key))

    def _used(self, key: str) -> None:
        with self._lock:
            self._grants.pop(key, None)


@dataclass(frozen=True)
class Grant:
    """A permission to publish once under an account of the Hub."""

    token: str = field(repr=False)
    end: Callable[[], None] = field(repr=False)
    """Takes it back, once it was used."""


def cookie(scope: Scope, name: str = COOKIE) -> str:
    """A cookie of a request; "" when there is none."""
    try:
        found = SimpleCookie(header(scope, b"cookie") or "").get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def set_cookie(
    value: str, secure: bool, framed: bool, name: str = COOKIE, seconds: int = SECONDS
) -> tuple[bytes, bytes]:
    """The header that sets a cookie, or removes it after 0 seconds.

    secure: whether it is sent over https alone; framed: whether the pages may be shown in a frame of another site.
    """
    text = f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={'None' if framed else 'Lax'}"
    return b"set-cookie", f"{text}{'; Secure' if secure or framed else ''}".encode()


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
