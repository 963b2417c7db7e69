"""How people say who they are: a setting. Without one a studio has one person, who is asked nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from app.access.people import Person
from app.environment import Environment

_HUB = "https://huggingface.co"


@dataclass(frozen=True)
class HubApp:
    """The Space as the Hub's OAuth knows it; the Hub sets this for Spaces with `hf_oauth: true`."""

    client_id: str
    client_secret: str = field(repr=False)
    provider: str
    """The Hub's address."""
    redirect: str
    """Where the Hub sends people back to."""


@dataclass(frozen=True)
class SignIn:
    """At most one way to sign in, and who is an admin."""

    users_file: Path | None = None
    """STUDIO_AUTH: a file with a line for each person, as `lamp-studio password NAME` makes it."""
    header: str = ""
    """STUDIO_USER_HEADER: the header in which a reverse proxy, the only way to the studio, names who has signed in."""
    hub: HubApp | None = None
    """OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET and OPENID_PROVIDER_URL, which a Space gets from the Hub."""
    admins: frozenset[str] = frozenset()
    """STUDIO_ADMINS: the names of those who see and may end everybody's runs."""

    @property
    def asks(self) -> bool:
        """Whether people have to sign in."""
        return self.users_file is not None or bool(self.header) or self.hub is not None

    def person(self, name: str) -> Person:
        """The person who has signed in under a name."""
        return Person(name, name in self.admins)

    @classmethod
    def from_environment(cls, read: Environment, space_hosts: list[str]) -> SignIn:
        """Reads the settings; a sentence for each that is wrong is among the problems of `read` then.

        space_hosts: the names of the Space, its own first; empty elsewhere.
        """
        file, header = read.text("STUDIO_AUTH"), read.text("STUDIO_USER_HEADER")
        client, secret = read.text("OAUTH_CLIENT_ID"), read.text("OAUTH_CLIENT_SECRET")
        if file and header:
            read.problems.append("Set STUDIO_AUTH or STUDIO_USER_HEADER, not both: people sign in in one way.")
        if file and not Path(file).expanduser().is_file():  # not quoted: somebody may have set a password itself
            read.problems.append(
                "STUDIO_AUTH must be a file with a line for each person, as lamp-studio password NAME makes it; "
                "there is no such file."
            )
        if header and not re.fullmatch(r"[A-Za-z0-9-]{1,60}", header):
            read.problems.append(
                f"STUDIO_USER_HEADER must be a header's name such as X-Forwarded-User, not {header!r}."
            )
        hub = None
        if space_hosts and client and secret and not file and not header:
            provider = read.text("OPENID_PROVIDER_URL").rstrip("/") or _HUB
            hub = HubApp(client, secret, provider, f"https://{space_hosts[0]}/login/callback")
        return cls(
            Path(file).expanduser().absolute() if file else None,
            header.lower(),
            hub,
            frozenset(read.words("STUDIO_ADMINS")),
        )
