"""Signing in with an account of the Hub, and letting it publish: OAuth with a code and PKCE.

The token of a sign-in is used once and kept nowhere.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx2

from app.access.sign_in import HubApp
from lamp.errors import LampError

SECONDS = 600
"""How long the Hub's page may stay open."""
_SCOPE = "openid profile"
"""Who somebody is, and nothing that could be read or written as them."""
PUBLISH = "contribute-repos"
"""What is asked for besides when somebody is about to publish: to make repositories, and to write to those that were
made in this way. README.md names it too, because the Hub grants no more than the Space says there."""
_MOST = 5_000


@dataclass(frozen=True)
class FromHub:
    """Somebody who comes back from the Hub."""

    subject: str
    """The id of the account, which stays when it is renamed."""
    name: str
    target: str
    """The page of the studio that was wanted."""
    token: str = field(default="", repr=False)
    """With which can be published as them; empty unless that was asked for and granted."""


@dataclass(frozen=True)
class _Begun:
    """A browser that was sent to the Hub."""

    verifier: str
    target: str
    publish: bool
    until: float


class HubSignIn:
    """Sends people to the Hub, and learns their names when they come back."""

    def __init__(self, app: HubApp) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._begun: OrderedDict[str, _Begun] = OrderedDict()

    async def begin(self, target: str, publish: bool = False) -> tuple[str, str]:
        """The Hub's page to go to, and a value that only this browser may come back with. Raises LampError.

        target: the page of the studio that is wanted; publish: whether they are asked to let the studio publish.
        """
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        with self._lock:
            self._begun[state] = _Begun(verifier, target, publish, time.monotonic() + SECONDS)
            if len(self._begun) > _MOST:
                self._begun.popitem(last=False)
        asked = {
            "client_id": self._app.client_id,
            "redirect_uri": self._app.redirect,
            "response_type": "code",
            "scope": f"{_SCOPE} {PUBLISH}" if publish else _SCOPE,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        async with httpx2.AsyncClient(timeout=10) as client:
            return f"{(await self._addresses(client))['authorization_endpoint']}?{urlencode(asked)}", state

    async def finish(self, state: str, kept: str, code: str) -> FromHub:
        """Who comes back. Raises LampError.

        state, code: from the address; kept: the value that `begin` gave this browser.
        """
        with self._lock:
            begun = self._begun.pop(state, None)
        is_theirs = secrets.compare_digest(state.encode(), kept.encode())
        if begun is None or not code or not is_theirs or time.monotonic() > begun.until:
            raise LampError("Signing in with the Hub was not finished, or took too long: try it again.")
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._app.redirect,
            "code_verifier": begun.verifier,
        }
        async with httpx2.AsyncClient(timeout=10) as client:
            addresses = await self._addresses(client)
            own = self._app.client_id, self._app.client_secret
            answer = await _json(client.post(addresses["token_endpoint"], data=sent, auth=own))
            token = str(answer.get("access_token") or "")
            bearer = {"Authorization": f"Bearer {token}"}
            account = await _json(client.get(addresses["userinfo_endpoint"], headers=bearer))
        name, subject = account.get("preferred_username"), account.get("sub")
        if not isinstance(name, str) or not name or not isinstance(subject, str) or not subject:
            raise LampError("The Hub did not say who you are: try it again.")
        may_publish = begun.publish and PUBLISH in str(answer.get("scope", "")).split()
        return FromHub(subject[:255], name, begun.target, token if may_publish else "")

    async def _addresses(self, client: httpx2.AsyncClient) -> dict[str, str]:
        return await _json(client.get(f"{self._app.provider}/.well-known/openid-configuration"))


async def _json(request: object) -> dict[str, str]:
    """The JSON object that the Hub answers. Raises LampError."""
    try:
        answer: httpx2.Response = await request  # type: ignore[misc]
        values = answer.raise_for_status().json()
    except (httpx2.HTTPError, ValueError) as error:
        raise LampError("The Hub does not answer as it should: try again in a moment.") from error
    if not isinstance(values, dict):
        raise LampError("The Hub does not answer as it should: try again in a moment.")
    return values
