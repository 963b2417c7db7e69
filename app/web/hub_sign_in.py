"""Signing in with an account of the Hub: OAuth with a code and PKCE. The Hub's token is used once and kept nowhere."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from urllib.parse import urlencode

import httpx2

from app.sign_in import HubApp
from lamp.errors import LampError

SECONDS = 600
"""How long the Hub's page may stay open."""
_SCOPE = "openid profile"
"""Who somebody is, and nothing that could be read or written as them."""
_MOST = 5_000


class HubSignIn:
    """Sends people to the Hub, and learns their names when they come back."""

    def __init__(self, app: HubApp) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._begun: OrderedDict[str, tuple[str, str, float]] = OrderedDict()

    async def begin(self, target: str) -> tuple[str, str]:
        """The Hub's page to go to, and a value that only this browser may come back with. Raises LampError.

        target: the page of the studio that is wanted.
        """
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        with self._lock:
            self._begun[state] = verifier, target, time.monotonic() + SECONDS
            if len(self._begun) > _MOST:
                self._begun.popitem(last=False)
        asked = {
            "client_id": self._app.client_id,
            "redirect_uri": self._app.redirect,
            "response_type": "code",
            "scope": _SCOPE,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        async with httpx2.AsyncClient(timeout=10) as client:
            return f"{(await self._addresses(client))['authorization_endpoint']}?{urlencode(asked)}", state

    async def finish(self, state: str, kept: str, code: str) -> tuple[str, str]:
        """The name of who comes back, and the page that was wanted. Raises LampError.

        state, code: from the address; kept: the value that `begin` gave this browser.
        """
        with self._lock:
            verifier, target, until = self._begun.pop(state, ("", "", 0.0))
        if not code or not secrets.compare_digest(state.encode(), kept.encode()) or time.monotonic() > until:
            raise LampError("Signing in with the Hub was not finished, or took too long: try it again.")
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._app.redirect,
            "code_verifier": verifier,
        }
        async with httpx2.AsyncClient(timeout=10) as client:
            addresses = await self._addresses(client)
            own = self._app.client_id, self._app.client_secret
            token = await _json(client.post(addresses["token_endpoint"], data=sent, auth=own))
            bearer = {"Authorization": f"Bearer {token.get('access_token')}"}
            name = (await _json(client.get(addresses["userinfo_endpoint"], headers=bearer))).get("preferred_username")
        if not isinstance(name, str) or not name:
            raise LampError("The Hub did not say who you are: try it again.")
        return name, target

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
