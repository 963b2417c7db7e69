"""The names by which the studio is reached, and the pages that may call it."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.settings import Settings

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_EVERY_INTERFACE = frozenset({"0.0.0.0", "::", ""})
HUB = "https://huggingface.co"
"""The site that shows a Space in a frame."""


@dataclass(frozen=True)
class Addresses:
    """Hosts that requests may name. Any other one may be a foreign name that was pointed at this machine."""

    public: frozenset[str]
    """Names that somebody has set: STUDIO_HOST, STUDIO_ALLOWED_HOSTS, a Space's own."""
    any_number: bool = False
    """Whether any numeric address may be named, as where the studio listens on every interface."""
    framed_by: tuple[str, ...] = ()
    """Sites whose pages may show the studio in a frame."""

    @classmethod
    def of(cls, settings: Settings) -> Addresses:
        """The names of a studio with these settings."""
        everywhere = settings.host in _EVERY_INTERFACE
        own = {socket.gethostname().lower()} if everywhere else {settings.host.strip("[]").lower()}
        return cls(frozenset(own | set(settings.allowed_hosts)), everywhere, (HUB,) if settings.on_space else ())

    def allows_host(self, host: str) -> bool:
        """host: the value of a Host header."""
        name = host_name(host)
        return name in _LOOPBACK or name in self.public or (self.any_number and _is_number(name))

    def allows_origin(self, origin: str, host: str) -> bool:
        """Whether a page of `origin` may change something here. host: the request's own Host header.

        Behind a reverse proxy, Host may lack the port or be another public name.
        """
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        if parts.scheme not in ("http", "https") or not parts.netloc:
            return False
        return parts.netloc.lower() == host.lower() or host_name(parts.netloc) in self.public - _LOOPBACK


def host_name(host: str) -> str:
    """A Host header without its port, in lower case; "" when it is malformed."""
    if "@" in host or "/" in host:
        return ""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
