"""What the studio asks of a Ray cluster, over the HTTP interface of Ray's jobs.

Ray's own client is not used, because its requests have no time limit: a cluster that hangs would hold the runner up. So
the server needs no package of Ray either; only the nodes of the cluster do.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import httpx2

from lamp.errors import LampError
from lamp.plain_line import visible

_SECONDS = 10.0
"""For each step of a request: to connect, to send, to be answered."""


class RayUnavailable(LampError):
    """The cluster did not answer, or not as Ray does; a request may have been carried out all the same."""


class RayRefused(LampError):
    """The cluster answered that it does not do what was asked."""


@dataclass(frozen=True)
class RayJob:
    """One program that was handed to the cluster."""

    status: str
    """PENDING while it waits for a node, RUNNING, or how it ended: SUCCEEDED, FAILED, STOPPED."""
    message: str
    """What Ray says of it, over several lines."""

    @property
    def reason(self) -> str:
        """The line of the message that says why it ended: the last one where it quotes the program's own words."""
        lines = [line.strip() for line in self.message.splitlines() if line.strip()]
        return visible(lines[-1 if "last available logs" in self.message else 0])[:300] if lines else ""

    @property
    def has_ended(self) -> bool:
        """Whether its processes are gone."""
        return self.status in ("SUCCEEDED", "FAILED", "STOPPED")


class RayApi:
    """The jobs and nodes of one cluster. A token (RAY_AUTH_TOKEN) is sent where Ray asks for one."""

    def __init__(self, address: str, transport: httpx2.BaseTransport | None = None) -> None:
        """address: of the cluster's dashboard; transport: in place of the network, for tests."""
        token = os.environ.get("RAY_AUTH_TOKEN", "")
        self._client = httpx2.Client(
            base_url=address,
            timeout=_SECONDS,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            transport=transport,
        )

    def check(self) -> None:
        """Raises RayUnavailable, RayRefused unless the cluster answers."""
        if self._ask("GET", "/api/version") is None:
            raise RayUnavailable("There is no Ray at that address.")

    def nodes(self) -> list[dict[str, float]]:
        """What each living node has: "CPU", "GPU" and so on → how many. Raises RayUnavailable, RayRefused."""
        answer = self._ask("GET", "/api/v0/nodes?limit=10000&detail=1")
        try:
            rows = answer["data"]["result"]["result"]
            return [dict(row["resources_total"]) for row in rows if row["state"] == "ALIVE"]
        except (KeyError, TypeError, ValueError):
            raise RayUnavailable("The list of its nodes cannot be read: its version of Ray may be another.") from None

    def submit(self, job: dict[str, Any]) -> None:
        """Hands a program to the cluster. Raises RayUnavailable, RayRefused."""
        self._ask("POST", "/api/jobs/", job)

    def job(self, name: str) -> RayJob | None:
        """The job of that name; None when the cluster has none. Raises RayUnavailable, RayRefused."""
        answer = self._ask("GET", f"/api/jobs/{name}")
        return None if answer is None else RayJob(str(answer.get("status")), str(answer.get("message") or ""))

    def stop(self, name: str) -> None:
        """Asks a job to end: SIGTERM, then SIGKILL. Raises RayUnavailable, RayRefused."""
        self._ask("POST", f"/api/jobs/{name}/stop")

    def _ask(self, method: str, path: str, content: dict[str, Any] | None = None) -> Any:
        """The answer; None for what does not exist."""
        try:
            answer = self._client.request(method, path, json=content)
            if answer.status_code == 404:
                return None
            if 400 <= answer.status_code < 500:
                raise RayRefused(f"Ray refused it ({answer.status_code}): {_last_line(answer.text)}")
            if not answer.is_success:
                raise RayUnavailable(f"Ray answered {answer.status_code}: {_last_line(answer.text)}")
            return answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise RayUnavailable(f"Ray does not answer ({type(error).__name__}).") from None


def _last_line(text: str) -> str:
    """What a traceback ends with."""
    return next(iter(reversed(text.strip().splitlines())), "")[:300]
