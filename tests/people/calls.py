"""Calls of a studio's functions over HTTP, as its pages and gradio_client make them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from starlette.testclient import TestClient

HEADER = "x-forwarded-user"
"""In which the proxy of these studios names who has signed in."""


@dataclass(frozen=True)
class Caller:
    """Somebody with a browser: their name, "" for nobody, and a page that is open."""

    client: TestClient
    name: str
    session: str = ""
    token: str = ""
    """Where a program of theirs asks."""

    @property
    def headers(self) -> dict[str, str]:
        if self.token:
            return {"authorization": f"Bearer {self.token}"}
        return {HEADER: self.name} if self.name else {}

    def opens_a_page(self) -> Caller:
        """The same person with a page of its own."""
        return replace(self, session=uuid4().hex)

    def endpoint(self, name: str, data: list[Any]) -> tuple[bool, str]:
        """Whether a named endpoint gave a result, and its answer, or why it gave none."""
        begun = self.client.post(f"/gradio_api/call/{name}", json={"data": data}, headers=self.headers)
        if begun.status_code != 200:
            return False, f"{begun.status_code} {begun.text}"
        answer = self.client.get(f"/gradio_api/call/{name}/{begun.json()['event_id']}", headers=self.headers).text
        kind, _, said = answer.strip().rpartition("event: ")[2].partition("\ndata: ")
        if kind == "complete":
            return True, said
        error = json.loads(said)
        return False, str(error.get("error") if isinstance(error, dict) else error)

    def handler(self, function: Any, data: list[Any], query: str = "", event: object = None) -> str:
        """Everything that one of the pages' functions sends back."""
        body = {"data": data, "fn_index": function._id, "session_hash": self.session, "event_data": event}
        if function.queue is False:
            return self.client.post(f"/gradio_api/run/predict?{query}", json=body, headers=self.headers).text
        joined = self.client.post(f"/gradio_api/queue/join?{query}", json=body, headers=self.headers)
        if joined.status_code != 200:
            return joined.text
        return self.client.get(f"/gradio_api/queue/data?session_hash={self.session}", headers=self.headers).text

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """The status and the body at an address."""
        answer = self.client.get(path, headers={**self.headers, **headers})
        return answer.status_code, answer.text

    def upload(self, name: str, content: bytes) -> str:
        """Hands a file to Gradio; where it lies now."""
        answer = self.client.post("/gradio_api/upload", files={"files": (name, content)}, headers=self.headers)
        (path,) = answer.json()
        return str(path)
