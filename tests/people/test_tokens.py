"""Tokens of programs: for whom they act, what they may do, and that nothing keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.access.passwords import digest
from app.access.people import Person
from app.access.sign_in import SignIn
from app.studio import Studio
from app.studio_parts.reading import READS
from app.web.bearer import NOT_TAKEN
from lamp.errors import ConfigError, LampError
from storage.errors import NotStored
from tests.people.calls import HEADER, Caller
from tests.people.conftest import served, studio_at
from tests.people.world import ADA, EVE

PASSWORD = "correct horse"
BY_TOKEN = replace(ADA, by_token=True)


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("auth") / "users"
    file.write_text(f"ada:{digest(PASSWORD)}\neve:{digest(PASSWORD)}\n")
    return file


@pytest.fixture(scope="module")
def studio(users: Path, tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return studio_at(tmp_path_factory.mktemp("home"), SignIn(users_file=users))


@pytest.fixture(scope="module")
def client(studio: Studio) -> Iterator[TestClient]:
    with served(studio) as opened:
        yield opened


def made(studio: Studio, person: Person = ADA, *, reads_only: bool = False, days: int = 30) -> str:
    return studio.as_(person).make_token("a program", reads_only, days)[1]


def who(client: TestClient, authorization: str, **headers: str) -> object:
    answer = client.get("/gradio_api/user", headers={"authorization": authorization, **headers})
    return answer.json() if answer.status_code == 200 else f"{answer.status_code} {answer.text}"


def test_a_request_with_a_token_acts_as_its_person(studio: Studio, client: TestClient) -> None:
    secret = made(studio)
    assert who(client, f"Bearer {secret}") == who(client, f"bearer  {secret} ") == "ada"
    signed_in = client.post("/login", data={"username": "eve", "password": PASSWORD})
    cookie = {"cookie": signed_in.headers["set-cookie"].split(";")[0]}
    client.cookies.clear()
    assert who(client, "", **cookie) == "eve" and who(client, f"Bearer {secret}", **cookie) == "ada"
    assert who(client, "Bearer hf_ofAnotherServer", **cookie) == "eve"  # as a proxy in front may pass on
    assert studio.as_(ADA).tokens()[0].used_at is not None


def test_a_token_is_taken_from_the_studios_own_header_where_another_has_authorization(
    studio: Studio, client: TestClient
) -> None:
    secret = made(studio)
    assert who(client, "Bearer hf_ofTheHub", **{"x-studio-token": secret}) == "ada"
    for wrong in ("ls_" + "x" * 43, "hf_ofTheHub", ""):
        assert who(client, f"Bearer {secret}", **{"x-studio-token": wrong}) == f"401 {NOT_TAKEN}"


def test_a_token_that_is_wrong_has_ended_or_was_revoked_is_refused_in_one_sentence(
    studio: Studio, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    revoked = made(studio)
    studio.as_(ADA).revoke_token(studio.as_(ADA).tokens()[0].number)
    ended = made(studio)
    later = studio.as_(ADA).tokens()[0].ends_at
    assert later is not None
    monkeypatch.setattr("storage.tokens.utc_now", lambda: later)
    for secret in (revoked, ended, "ls_", "ls_" + "x" * 43, "ls_" + "x" * 5000, "ls_\xff"):
        for path in ("/", "/login", "/config", "/runs", "/gradio_api/info", "/gradio_api/file=/x", "/favicon.ico"):
            sent = f"Bearer {secret}".encode("latin-1")
            answer = client.get(path, headers=[(b"authorization", sent), (b"accept", b"text/html")])
            assert (answer.status_code, answer.text) == (401, NOT_TAKEN)


def test_who_may_no_longer_sign_in_has_no_tokens_either(tmp_path: Path, users: Path) -> None:
    file = tmp_path / "users"
    file.write_text(users.read_text())
    studio = studio_at(tmp_path / "home", SignIn(users_file=file))
    with served(studio) as client:
        secret = made(studio)
        assert who(client, f"Bearer {secret}") == "ada"
        file.write_text(users.read_text().replace("ada:", "#ada:"))
        assert who(client, f"Bearer {secret}") == f"401 {NOT_TAKEN}"


def test_an_admins_token_is_an_admins(tmp_path: Path) -> None:
    studio = studio_at(tmp_path, SignIn(header=HEADER, admins=frozenset({"root"})))
    with served(studio) as client:
        for name, status in (("root", 200), ("ada", 403)):
            secret = made(studio, studio.settings.sign_in.person(name), reads_only=True)
            headers = {"authorization": f"Bearer {secret}", HEADER: "eve"}
            assert client.get("/metrics", headers=headers).status_code == status


def test_a_token_makes_lists_and_revokes_no_token(studio: Studio, client: TestClient) -> None:
    secret, own = made(studio), studio.as_(BY_TOKEN)
    for ask in (lambda: own.make_token("x", True, 30), own.tokens, lambda: own.revoke_token(1)):
        with pytest.raises(LampError, match="and not with a token"):
            ask()
    before = studio.as_(ADA).tokens()
    demo = next(value for value in _apps(client) if hasattr(value, "blocks")).blocks
    make = next(one for one in demo.fns.values() if getattr(one.fn, "__qualname__", "") == "AccessPage.make")
    said = Caller(client, "ada", token=secret).opens_a_page().handler(make, ["x", "Everything I can do", 30, "UTC"])
    assert "and not with a token" in said and "ls_" not in said
    assert [token.number for token in studio.as_(ADA).tokens()] == [token.number for token in before]


def _apps(client: TestClient) -> Iterator[object]:
    outer: object = client.app
    while not hasattr(outer, "routes"):
        outer = outer._app  # type: ignore[attr-defined]
    yield from (getattr(route, "app", None) for route in outer.routes)


def test_nobody_sees_or_revokes_the_tokens_of_another(studio: Studio) -> None:
    made(studio)
    mine = studio.as_(ADA).tokens()[0]
    for other in (EVE, Person("root", is_admin=True)):
        assert mine not in studio.as_(other).tokens()
        with pytest.raises(NotStored, match="no such token"):
            studio.as_(other).revoke_token(mine.number)
    assert mine in studio.as_(ADA).tokens()


def test_a_page_of_a_persons_own_is_not_heard_with_their_token(studio: Studio, tmp_path: Path) -> None:
    proxied = studio_at(tmp_path, SignIn(header=HEADER))
    secret = made(proxied)
    with served(proxied) as client:
        page = Caller(client, "ada").opens_a_page()
        path = f"/gradio_api/heartbeat/{page.session}"
        refused = Caller(client, "", token=secret)
        # The page is opened by a request that ends at once.
        page.get(f"/gradio_api/app_id?session_hash={page.session}")
        assert refused.get(path) == (404, "There is no such page open.")


def test_a_token_needs_a_name_and_an_end_that_is_offered(studio: Studio) -> None:
    own = studio.as_(Person("new"))
    cases: tuple[tuple[Any, int, str], ...] = (
        (" ", 30, "Give the token a name"),
        ("x" * 121, 30, "The token's name"),
        ("x", 7, "30, 90 or 365 days, or 0 for never, not 7"),
        ("x", True, "not True"),
        (3, 30, "must be a text"),
    )
    for name, days, said in cases:
        with pytest.raises(ConfigError, match=said):
            own.make_token(name, False, days)
    assert own.make_token("for ever", True, 0)[0].ends_at is None
    for _ in range(49):
        own.make_token("x", True, 30)
    with pytest.raises(ConfigError, match="You have 50 tokens"):
        own.make_token("x", True, 30)


def test_what_a_reading_token_may_call_is_there_to_be_called() -> None:
    assert READS - {"person", "settings"} <= set(dir(Studio))


def test_where_nobody_signs_in_there_are_no_tokens(tmp_path: Path) -> None:
    studio = studio_at(tmp_path, SignIn())
    with pytest.raises(LampError, match="Nobody signs in here"):
        studio.make_token("x", True, 30)
    with served(studio) as client:
        assert client.get("/access").status_code == 404 and 'href="access"' not in client.get("/").text
        assert client.get("/config", headers={"authorization": "Bearer ls_x"}).status_code == 200
