"""Requests that no page of the studio makes: from foreign pages, under foreign names, too large, too slow."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
from collections import namedtuple
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from gradio.context import LocalContext
from starlette.testclient import TestClient

from app.server_log import start_log
from app.settings import Settings
from app.studio import Studio
from app.ui import build_ui, web_app
from app.web.addresses import Addresses
from app.web.bodies import BodyLimits, Limits
from lamp.errors import ConfigError
from storage.database import open_database

FOREIGN = "https://foreign.example"
JOIN, UPLOAD = "/gradio_api/queue/join", "/gradio_api/upload"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    settings = Settings.from_environment({"STUDIO_HOME": str(tmp_path_factory.mktemp("home"))})
    return Studio(settings, open_database(settings.database_url))


@pytest.fixture(scope="module")
def client(studio: Studio) -> Iterator[TestClient]:
    with TestClient(web_app(build_ui(studio), studio), base_url="http://127.0.0.1:7860") as opened:
        yield opened


def test_a_foreign_name_for_this_machine_is_refused(client: TestClient) -> None:
    for host in ("foreign.example", "127.0.0.1.foreign.example", "localhost@foreign.example", ""):
        answer = client.get("/config", headers={"host": host})
        assert answer.status_code == 400 and "STUDIO_ALLOWED_HOSTS" in answer.text and len(answer.text) < 300
    for host in ("127.0.0.1:7860", "localhost", "LOCALHOST:7860", "[::1]:7860"):
        assert client.get("/config", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    ("variables", "allowed", "refused"),
    [
        ({"STUDIO_HOST": "studio.lan"}, ["studio.lan:7860"], ["10.0.0.5", "other.lan"]),
        ({"STUDIO_HOST": "0.0.0.0"}, ["10.0.0.5:7860", "[fd00::5]"], ["other.lan", "10.0.0.5.foreign.example"]),
        ({"STUDIO_ALLOWED_HOSTS": "a.example, b.example"}, ["A.example", "b.example:443"], ["c.example"]),
        ({"SPACE_ID": "Ada/My_Prompts"}, ["ada-my-prompts.hf.space"], ["eve-space.hf.space"]),
        ({"SPACE_ID": "a/b", "SPACE_HOST": "a-b-123.hf.space"}, ["a-b-123.hf.space"], ["a-c.hf.space"]),
    ],
)
def test_a_studio_answers_under_its_own_names_alone(
    variables: dict[str, str], allowed: list[str], refused: list[str]
) -> None:
    addresses = Addresses.of(Settings.from_environment(variables))
    assert [host for host in (*allowed, *refused) if addresses.allows_host(host)] == allowed


@pytest.mark.parametrize("origin", [FOREIGN, "null", "http://127.0.0.1:3000", "http://127.0.0.1.foreign.example:7860"])
def test_a_foreign_page_can_change_nothing(client: TestClient, origin: str) -> None:
    for path in (JOIN, UPLOAD, "/gradio_api/run/stop", "/gradio_api/call/submit"):
        answer = client.post(path, headers={"origin": origin}, files={"files": ("a.csv", b"a,b")})
        assert answer.status_code == 403 and "access-control-allow-origin" not in answer.headers


def test_a_foreign_page_can_read_nothing(client: TestClient) -> None:
    preflight = {"origin": FOREIGN, "access-control-request-method": "POST"}
    for answer in (client.get("/config", headers={"origin": FOREIGN}), client.options(JOIN, headers=preflight)):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_the_own_pages_and_scripts_are_answered(client: TestClient) -> None:
    body = {"data": [5, 0], "session_hash": "x"}
    for headers in ({}, {"origin": "http://127.0.0.1:7860"}):
        assert client.post("/gradio_api/call/runs", json=body, headers=headers).json()["event_id"]


def test_a_call_beside_the_queue_is_refused(client: TestClient) -> None:
    # Each would hold one of the threads that all pages share.
    for name in ("try", "runs", "submit"):
        assert client.post(f"/gradio_api/run/{name}", json={"data": [5, 0]}).status_code == 404


def test_a_page_behind_a_reverse_proxy_may_change_what_it_shows() -> None:
    addresses = Addresses.of(Settings.from_environment({"STUDIO_ALLOWED_HOSTS": "studio.example"}))
    assert addresses.allows_origin("https://studio.example:8443", "studio.example")
    assert not addresses.allows_origin("https://other.example", "studio.example")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("STUDIO_ALLOWED_HOSTS", "https://studio.example", "must be names such as studio.example.org"),
        ("STUDIO_ALLOWED_HOSTS", "*", "must be names such as studio.example.org"),
        ("STUDIO_MOST_QUEUED", "0", "must be a number between 1 and 100000"),
    ],
)
def test_a_bad_setting_is_one_sentence(name: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Settings.from_environment({name: value})


def test_every_answer_tells_browsers_what_they_may_do_with_it(client: TestClient) -> None:
    for path in ("/", "/runs", "/config", "/nothing", "/monitoring"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == "frame-ancestors 'self'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_only_the_hub_may_frame_a_space() -> None:
    assert Addresses.of(Settings.from_environment({"SPACE_ID": "a/b"})).framed_by == ("https://huggingface.co",)


@pytest.mark.parametrize("path", ["/monitoring", "/monitoring/summary", "/gradio_api/process_recording", "/docs"])
def test_paths_that_no_page_uses_are_closed(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_hubs_token_of_a_calling_machine_is_neither_seen_nor_kept(
    client: TestClient, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def look(self: Studio, *_: object, **__: object) -> None:
        request: Any = LocalContext.request.get()
        seen.append(str(request.headers))
        raise RuntimeError(f"An error that quotes everything: {request.headers}")

    monkeypatch.setattr(Studio, "jobs", look)
    before = logging.root.handlers[:], logging.root.level, logging.raiseExceptions
    start_log(studio.settings.home)
    try:
        # As gradio_client sends what its machine has stored.
        headers = {"x-hf-authorization": "Bearer hf_storedOnThatMachine"}
        begun = client.post("/gradio_api/call/runs", json={"data": [1, 0]}, headers=headers)
        said = client.get(f"/gradio_api/call/runs/{begun.json()['event_id']}", headers=headers).text
    finally:
        logging.root.handlers[:], logging.root.level, logging.raiseExceptions = before
    assert len(seen) == 1 and "user-agent" in seen[0] and "hf_stored" not in seen[0] + said
    log = (studio.settings.home / "server.log").read_text()
    assert "RuntimeError" in log  # the error was logged
    files = [path for path in studio.settings.home.rglob("*") if path.is_file()]
    assert [path for path in files if b"hf_stored" in path.read_bytes()] == []


def test_a_large_body_is_refused_before_it_is_parsed(client: TestClient) -> None:
    answer = client.post(JOIN, content=b"[" + b"{}," * 2_000_000 + b"{}]", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.text) == (
        413,
        "What was sent is too large: the studio takes at most 4 MB at a time here.",
    )


def test_a_body_that_hides_its_size_is_refused_at_the_limit(client: TestClient) -> None:
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        while sent < 50_000_000:
            sent += 1_000_000
            yield b" " * 1_000_000

    assert client.post(JOIN, content=pieces()).status_code == 413


def test_an_upload_without_free_disk_is_one_sentence_and_keeps_nothing(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 900_000_000))
    answer = client.post(UPLOAD, files={"files": ("a.csv", b"a,b")})
    assert answer.status_code == 507 and answer.text.startswith("Only 0.90 GB are free on the studio's disk")


def test_an_upload_that_fills_the_disk_ends_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: TestClient
) -> None:
    from gradio.utils import get_upload_folder

    before = {path for path in Path(get_upload_folder()).glob("*") if path.is_file()}
    usage = namedtuple("usage", "total used free")
    free = iter([5_000_000_000, 100])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, next(free)))
    answer = client.post(UPLOAD, files={"files": ("a.csv", b"a" * 33_000_000)})
    assert answer.status_code == 507 and "free on the studio's disk" in answer.text
    assert {path for path in Path(get_upload_folder()).glob("*") if path.is_file()} <= before


def test_only_so_many_calls_wait(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def wait(*_: object, **__: object) -> list[object]:
        assert go_on.wait(60)
        return []

    monkeypatch.setattr(Studio, "try_prompt", wait)
    try:
        answers = [client.post("/gradio_api/call/try", json={"data": ["a", ["b"], None]}) for _ in range(210)]
    finally:
        go_on.set()
    statuses = [answer.status_code for answer in answers]
    assert statuses[:200] == [200] * 200 and statuses[-1] == 503 and "full" in answers[-1].text


@pytest.mark.parametrize("path", [JOIN, UPLOAD])
def test_a_body_that_trickles_in_ends(tmp_path: Path, path: str) -> None:
    async def attack() -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            from starlette.formparsers import MultiPartException

            try:
                while (await receive()).get("more_body"):
                    pass
            except MultiPartException:
                await send({"type": "http.response.start", "status": 400, "headers": []})

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0.02)
            return {"type": "http.request", "body": b"x", "more_body": True}

        async def send(message: Any) -> None:
            answers.append(message)

        scope = {"type": "http", "method": "POST", "path": path, "headers": []}
        limits = Limits(seconds=0.1)
        await asyncio.wait_for(BodyLimits(app, tmp_path, 0, limits)(scope, receive, send), 30)
        return answers

    with ThreadPoolExecutor(1) as pool:  # the browser tests leave a running loop in their own thread
        answers = pool.submit(asyncio.run, attack()).result()
    assert [answer.get("status") for answer in answers] == [408, None]
    assert b"too slowly" in answers[1]["body"]
