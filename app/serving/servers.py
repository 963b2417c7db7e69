"""The serving processes: one a backbone, started when it is asked, and ended when it is idle."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from app.serving.asked import AskedPrompt, Backbone
from app.serving.places import Busy, Places
from app.serving.process import COMMAND, ServingProcess

_IDLE_SECONDS = 300.0
_MOST = 2
"""Processes at a time: each has a backbone in memory."""


@dataclass(eq=False)
class Lease:
    """A request to a process, which goes on until it is given back."""

    prompt: AskedPrompt
    path: str
    """Of the process's socket"""
    ready: Future[None]
    """As that of the process"""
    who: str
    """Whose request it is"""
    inputs: int
    """How many it brings"""
    revoked: Future[None] = field(default_factory=Future)
    """Done once the prompt is not served any more, so that nothing further of it is given out"""


@dataclass(eq=False)
class _Server:
    process: ServingProcess
    leases: list[Lease] = field(default_factory=list)
    runs: set[str] = field(default_factory=set)
    """Whose prompts it has answered with, and that are served"""
    used: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.process.ready.add_done_callback(lambda _: self.use())

    def use(self) -> None:
        """From now on it is idle."""
        self.used = time.monotonic()

    @property
    def is_idle(self) -> bool:
        """Whether no request goes on, and no model is loaded for one that may come."""
        return self.process.ready.done() and not self.leases


class Servers:
    """Shared by all people of a studio."""

    def __init__(self, command: Sequence[str] = COMMAND, idle_seconds: float = _IDLE_SECONDS) -> None:
        """command: the process's program, for tests; idle_seconds: after which one is ended."""
        self._command, self._idle_seconds = command, idle_seconds
        self._lock, self._places = threading.Lock(), Places()
        self._servers: dict[Backbone, _Server] = {}
        self._answered: Counter[str] = Counter()
        self._timer: threading.Timer | None = None

    def start(self, prompt: AskedPrompt) -> None:
        """Begins to load the prompt's backbone, unless it is loaded. Raises Busy, NotServing."""
        with self._lock:
            self._server(prompt)

    def lease(self, prompt: AskedPrompt, who: str, inputs: int, most: int) -> Lease:
        """A request to the process of the prompt's backbone, which is started if there is none.

        who: asks; inputs: how many the request brings; most: of this person's that may wait. Raises Busy, NotServing.
        """
        self._places.take(who, inputs, most)
        try:
            with self._lock:
                server = self._server(prompt)
                lease = Lease(prompt, server.process.path, server.process.ready, who, inputs)
                server.leases.append(lease)
        except BaseException:
            self._places.give_back(who, inputs)
            raise
        return lease

    def give_back(self, lease: Lease, *, answered: bool) -> None:
        """The request has ended."""
        self._places.give_back(lease.who, lease.inputs)
        with self._lock:
            for server in self._servers.values():
                if lease in server.leases:
                    server.leases.remove(lease)
                    server.use()
            self._answered[lease.prompt.run] += answered

    def revoke(self, run: str) -> None:
        """Nothing further of a run's prompt is given out. A process that is asked for nothing else is ended."""
        with self._lock:
            self._answered.pop(run, None)
            for backbone, server in list(self._servers.items()):
                for lease in server.leases:
                    if lease.prompt.run == run and not lease.revoked.done():
                        lease.revoked.set_result(None)
                server.runs.discard(run)
                if not server.runs:
                    self._end(backbone)

    def answered(self, run: str) -> int:
        """How many requests to a run's prompt were answered since the studio's start."""
        return self._answered[run]

    def process_of(self, backbone: Backbone) -> Future[None] | None:
        """Whether a backbone is loaded, as `Lease.ready`; None where it is not: it has not been asked for some time."""
        server = self._servers.get(backbone)
        if server is None:
            return None
        ready = server.process.ready
        has_died = ready.done() and not ready.exception() and not server.process.alive
        return None if has_died else ready

    def close(self) -> None:
        """Ends every process, whatever it is doing."""
        with self._lock:
            for backbone in list(self._servers):
                self._end(backbone)

    def _server(self, prompt: AskedPrompt) -> _Server:
        server = self._servers.get(prompt.backbone)
        if server is None or not server.process.alive:
            self._servers.pop(prompt.backbone, None)
            self._make_room()
            server = self._servers[prompt.backbone] = _Server(ServingProcess(prompt, self._command))
        server.runs.add(prompt.run)
        server.use()
        self._look_later()
        return server

    def _make_room(self) -> None:
        for backbone, server in list(self._servers.items()):
            if not server.leases and not server.process.alive:
                self._end(backbone)
        if len(self._servers) < _MOST:
            return
        idle = [backbone for backbone, server in self._servers.items() if not server.leases]
        if not idle:
            raise Busy(
                f"{_MOST} models are answering already, and no more are loaded at a time: ask again in a moment."
            )
        self._end(min(idle, key=lambda backbone: self._servers[backbone].used))

    def _end(self, backbone: Backbone) -> None:
        self._servers.pop(backbone).process.end()

    def _look_later(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(self._idle_seconds / 5, self._end_idle)
            self._timer.daemon = True
            self._timer.start()

    def _end_idle(self) -> None:
        with self._lock:
            for backbone, server in list(self._servers.items()):
                if server.is_idle and time.monotonic() - server.used >= self._idle_seconds:
                    self._end(backbone)
            self._timer = None
            if self._servers:
                self._look_later()
