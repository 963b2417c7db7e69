"""The processes that serve, and one request to them, without a model: what ends them, and what a client is told."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from app.serving.asked import AskedPrompt
from app.serving.places import Busy
from app.serving.process import NotServing, ServingProcess
from app.serving.servers import Lease, Servers
from app.web.relay import Relay
from lamp.serving.fair_lock import FairLock
from lamp.serving.refusal import Refusal

READY = (sys.executable, "-c", "print('{\"ready\": true}', flush=True); input(); input()")
LOADING = (sys.executable, "-c", "input(); input()")


def asked(run: str) -> AskedPrompt:
    return AskedPrompt(run, run, "folder", (f"acme/{run}", "fp32", "none"), "source", False)


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def servers() -> Iterator[Servers]:
    made = Servers(READY, idle_seconds=0.2)
    yield made
    made.close()


def test_a_process_that_the_studio_ended_is_not_said_to_lack_memory() -> None:
    process = ServingProcess(asked("a"), LOADING)
    process.end()
    with pytest.raises(NotServing, match="The studio has ended the model while it was loaded"):
        process.ready.result(30)


def test_a_model_that_is_loaded_for_longer_than_idle_ones_are_kept_is_not_ended() -> None:
    servers = Servers(LOADING, idle_seconds=0.1)
    try:
        servers.start(asked("a"))
        time.sleep(0.4)
        ready = servers.process_of(asked("a").backbone)
        assert ready is not None and not ready.done()
    finally:
        servers.close()


def test_a_loaded_model_is_ended_once_it_is_idle(servers: Servers) -> None:
    servers.start(asked("a"))
    until(lambda: servers.process_of(asked("a").backbone) is None)
    assert not servers._servers


def test_a_process_that_has_died_is_no_loaded_model_and_takes_no_room() -> None:
    servers = Servers(READY)
    try:
        servers.lease(asked("a"), "ada", 1, 9)
        lease = servers.lease(asked("b"), "ada", 1, 9)
        lease.ready.result(30)
        with pytest.raises(Busy):
            servers.start(asked("c"))
        servers._servers[asked("b").backbone].process._child.kill()
        until(lambda: servers.process_of(asked("b").backbone) is None)
        servers.give_back(lease, answered=False)
        servers.start(asked("c"))
        assert servers._servers.keys() == {asked("a").backbone, asked("c").backbone}
    finally:
        servers.close()


async def _waits() -> dict[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError


def relayed(lease: Lease, meanwhile: Coroutine[Any, Any, Any]) -> tuple[bool, list[dict[str, Any]]]:
    """What a relay returns and sends, beside something else that happens."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def both() -> bool:
        other = asyncio.ensure_future(meanwhile)
        try:
            return await asyncio.wait_for(Relay(lease, send).run("/v1/completions", b"{}", _waits), 30)
        finally:
            other.cancel()

    return asyncio.run(both()), sent


def test_a_request_that_waits_for_its_model_ends_when_the_prompt_is_served_no_longer() -> None:
    lease = Lease(asked("a"), "none", Future(), "ada", 1)

    async def revoke() -> None:
        await asyncio.sleep(0.05)
        lease.revoked.set_result(None)

    with pytest.raises(Refusal, match="not served any more") as refused:
        relayed(lease, revoke())
    assert refused.value.status == 404


@pytest.mark.parametrize(
    ("kind", "ends", "revoked"),
    [("application/json", False, False), ("text/event-stream", True, False), ("text/event-stream", True, True)],
)
def test_a_broken_answer_never_looks_whole(tmp_path: Path, kind: str, ends: bool, revoked: bool) -> None:
    lease = Lease(asked("a"), str(tmp_path / "s"), Future(), "ada", 1)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: 99\r\n\r\n"
        writer.write(head.encode() + b"a piece")
        await writer.drain()
        await asyncio.sleep(0.1)
        if revoked:
            lease.revoked.set_result(None)
            await asyncio.sleep(30)
        writer.close()

    async def process() -> None:
        async with await asyncio.start_unix_server(answer, lease.path) as server:
            lease.ready.set_result(None)
            await server.serve_forever()

    whole, sent = relayed(lease, process())
    assert not whole and sent[0]["status"] == 200 and sent[1]["body"] == b"a piece"
    assert [message["more_body"] for message in sent[1:]] == ([True, False] if ends else [True])
    if ends:
        assert ("not served any more" if revoked else "The model ended") in sent[-1]["body"].decode()


def test_whoever_waits_for_a_turn_comes_before_the_one_who_has_just_had_it() -> None:
    turns, had = FairLock(), threading.Event()

    def waits() -> None:
        with turns:
            had.set()

    thread = threading.Thread(target=waits)
    with turns:
        thread.start()
        until(turns._next.locked)
    with turns:
        assert had.is_set()
    thread.join()
