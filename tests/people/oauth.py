"""An OAuth server of the tests' own, which speaks as the Hub does: discovery, authorisation, token, who it is."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT, SECRET = "the space", "the secret of the space"
TOKEN = "hf_oauth_tokenThatNobodyMayKeep"


class OAuthServer:
    """Signs everybody in as `name`, the account `subject`, once for each code; grants what was asked but `denied`."""

    def __init__(self) -> None:
        self.name: str | None = "ada"
        self.subject = "1"
        self.denied = ""
        self.url = ""
        self.scopes: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    def answer(self, path: str, query: dict[str, str], form: dict[str, str], authorization: str) -> tuple[int, Any]:
        """A status, and what is sent as JSON, or the address to go to."""
        if path == "/.well-known/openid-configuration":
            names = ("authorize", "token", "userinfo")
            keys = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")
            return 200, {key: f"{self.url}/oauth/{name}" for key, name in zip(keys, names, strict=True)}
        if path == "/oauth/authorize":
            assert query["client_id"] == CLIENT and query["response_type"] == "code"
            assert query["code_challenge_method"] == "S256"
            self.scopes.append(query["scope"])
            code = f"code-{len(self.scopes)}"
            self._codes[code] = query
            return 302, f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"
        if path == "/oauth/token":
            asked = self._codes.pop(form["code"], None)
            known = authorization == "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            if not known or asked is None or asked["code_challenge"] != challenge:
                return 400, {"error": "invalid_grant"}
            scope = asked["scope"].replace(self.denied, "") if self.denied else asked["scope"]
            return 200, {"access_token": TOKEN, "token_type": "bearer", "scope": scope}
        if path == "/oauth/userinfo" and authorization == f"Bearer {TOKEN}":
            return 200, {"sub": self.subject, **({"preferred_username": self.name} if self.name else {})}
        return 404, {}


@contextmanager
def oauth_server() -> Iterator[OAuthServer]:
    """Serves one on a free port of this machine."""
    oauth = OAuthServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            parts, sent = urlsplit(self.path), self.rfile.read(length).decode()
            query, form = ({k: v[0] for k, v in parse_qs(text).items()} for text in (parts.query, sent))
            status, value = oauth.answer(parts.path, query, form, self.headers.get("authorization", ""))
            body = b"" if status == 302 else json.dumps(value).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("location", value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    oauth.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield oauth
    finally:
        server.shutdown()
        server.server_close()
