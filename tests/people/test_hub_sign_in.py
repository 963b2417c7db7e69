"""Signing in on a Space: to the Hub and back, against an OAuth server of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
import httpx2
import pytest
from starlette.testclient import TestClient

from app.hub.publishing import Published
from app.settings import Settings
from app.studio import Studio
from app.ui import build_ui, web_app
from app.ui.runs.publish_box import PublishBox
from app.web import sessions
from storage.database import open_database
from storage.jobs import JobStore
from tests.people.calls import Caller
from tests.people.oauth import CLIENT, SECRET, TOKEN, OAuthServer, oauth_server

SPACE = "https://ada-prompts.hf.space"
PAGE = {"accept": "text/html"}


@pytest.fixture(scope="module")
def oauth() -> Iterator[OAuthServer]:
    with oauth_server() as server:
        yield server


@pytest.fixture(scope="module")
def studio(oauth: OAuthServer, tmp_path_factory: pytest.TempPathFactory) -> Studio:
    settings = Settings.from_environment(
        {
            "STUDIO_HOME": str(tmp_path_factory.mktemp("home")),
            "SPACE_ID": "ada/prompts",
            "OAUTH_CLIENT_ID": CLIENT,
            "OAUTH_CLIENT_SECRET": SECRET,
            "OPENID_PROVIDER_URL": oauth.url,
            "STUDIO_ADMINS": "root",
        }
    )
    return Studio(settings, open_database(settings.database_url))


@pytest.fixture(scope="module")
def demo(studio: Studio) -> gr.Blocks:
    return build_ui(studio)


@pytest.fixture(scope="module")
def client(studio: Studio, demo: gr.Blocks) -> Iterator[TestClient]:
    with TestClient(web_app(demo, studio), base_url=SPACE, follow_redirects=False) as opened:
        yield opened


@pytest.fixture(autouse=True)
def afresh(client: TestClient, oauth: OAuthServer) -> None:
    client.cookies.clear()
    oauth.name, oauth.subject, oauth.denied = "ada", "1", ""


def back_from_the_hub(client: TestClient, target: str = "/runs", **asked: str) -> str:
    """Goes to the Hub; the address at which it sends the browser back."""
    sent = client.get("/login/huggingface", params={"target": target, **asked})
    assert sent.status_code == 303
    address = httpx2.get(sent.headers["location"]).headers["location"]
    assert address.startswith(f"{SPACE}/login/callback?")
    return address.removeprefix(SPACE)


def test_people_come_back_from_the_hub_under_their_name(client: TestClient, oauth: OAuthServer) -> None:
    asked = client.get("/runs?show=Done", headers=PAGE)
    page = client.get(asked.headers["location"])
    assert "Sign in with Hugging Face" in page.text and "target=%2Fruns%3Fshow%3DDone" in page.text
    answer = client.get(back_from_the_hub(client, "/runs?show=Done"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs?show=Done")
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=None", "Secure")) and TOKEN not in cookie
    assert client.get("/gradio_api/user").json() == "ada"
    assert oauth.scopes[-1] == "openid profile"  # nothing that could be written
    client.post("/logout")
    assert client.get("/config").status_code == 401


def test_an_address_of_another_browsers_sign_in_signs_nobody_in(client: TestClient) -> None:
    address = back_from_the_hub(client)
    client.cookies.clear()  # as when somebody is sent a link that would sign them in as another
    answer = client.get(address)
    assert answer.status_code == 502 and "was not finished" in answer.text
    assert client.get("/config").status_code == 401


def test_an_address_signs_in_once(client: TestClient) -> None:
    address = back_from_the_hub(client)
    assert client.get(address).status_code == 303
    assert client.get(address).status_code == 502


@pytest.mark.parametrize(
    "query", ["", "?code=x", "?state=x&code=x", "?state=%C3%BC&code=x", "?error=access_denied&state=x"]
)
def test_an_address_that_the_hub_did_not_send_is_one_sentence(client: TestClient, query: str) -> None:
    answer = client.get(f"/login/callback{query}")
    assert answer.status_code == 502 and "try it again" in answer.text


def test_a_hub_that_does_not_say_who_it_is_signs_nobody_in(client: TestClient, oauth: OAuthServer) -> None:
    oauth.name = None
    answer = client.get(back_from_the_hub(client))
    assert answer.status_code == 502 and "The Hub did not say who you are" in answer.text


def test_a_hub_that_is_down_is_one_sentence(client: TestClient, oauth: OAuthServer, tmp_path: Path) -> None:
    address = back_from_the_hub(client)
    code = urlsplit(address).query
    wrong = client.get("/login/callback?" + code.replace("code=code-", "code=other-"))
    assert wrong.status_code == 502 and "The Hub does not answer as it should" in wrong.text


def signed_in(client: TestClient, oauth: OAuthServer, name: str, subject: str) -> object:
    """The name by which the studio knows an account that signs in."""
    client.cookies.clear()
    oauth.name, oauth.subject = name, subject
    assert client.get(back_from_the_hub(client)).status_code == 303
    return client.get("/gradio_api/user").json()


def test_runs_stay_with_an_account_that_is_renamed_and_do_not_go_to_who_takes_its_name(
    client: TestClient, oauth: OAuthServer, studio: Studio
) -> None:
    store = JobStore(studio._database)
    for owner in ("grace", "root"):  # from before accounts were told apart
        store.add("a run", {"train": {"steps": 10}}, "sample:x", "x.csv", 10, owner=owner)
    assert signed_in(client, oauth, "grace", "7") == "grace"
    assert signed_in(client, oauth, "admiral", "7") == "grace"
    assert signed_in(client, oauth, "grace", "8") == "grace (2)"
    assert signed_in(client, oauth, "root", "9") == "root"
    assert signed_in(client, oauth, "root", "10") == "root (2)"
    seen = {name: studio.as_(studio.settings.sign_in.person(name)) for name in ("grace", "grace (2)", "root (2)")}
    assert [len(own.jobs()) for own in seen.values()] == [1, 0, 0] and not seen["root (2)"].person.is_admin


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens with which something was published."""
    used: list[str] = []

    def publish(self: Studio, id: str, repository: str, token: str, *args: Any, **values: Any) -> Published:
        used.append(token)
        return Published("https://huggingface.co/ada/x", "0")

    monkeypatch.setattr(Studio, "publish", publish)
    return used


def said(client: TestClient, demo: gr.Blocks, name: str, *values: object) -> str:
    """What one of the functions of the page says. values: of its inputs."""
    named = next(one for one in demo.fns.values() if getattr(one.fn, "__qualname__", "") == f"PublishBox.{name}")
    return Caller(client, "").opens_a_page().handler(named, list(values) or [None] * len(named.inputs))


def publishing(client: TestClient, demo: gr.Blocks, token: str = "") -> str:
    """What the page says to somebody who presses Publish."""
    return said(client, demo, "publish", "a run", "ada/x", token, True, "", "model", "refuse")


def test_the_hub_is_asked_to_let_the_studio_publish_when_somebody_wants_to_and_for_once(
    client: TestClient, oauth: OAuthServer, demo: gr.Blocks, studio: Studio, published: list[str]
) -> None:
    client.get(back_from_the_hub(client))
    assert "a token that may write" in publishing(client, demo) and published == []
    leads = 'href="/login/huggingface?for=publishing&amp;target=%2Fruns%3Frun%3Dx%26tab%3Duse"'
    assert leads in PublishBox(studio).permission("x")
    answer = client.get(back_from_the_hub(client, "/runs?run=x&tab=use", **{"for": "publishing"}))
    assert "may publish from here once" in said(client, demo, "permission")
    assert oauth.scopes[-1] == "openid profile contribute-repos"
    assert answer.headers["location"] == "/runs?run=x&tab=use" and TOKEN not in str(answer.headers)
    own = dict(client.cookies)
    client.cookies.clear()
    client.get(back_from_the_hub(client))  # another browser of the same person
    publishing(client, demo)
    assert published == []
    client.cookies.clear()
    client.cookies.update(own)
    answered = publishing(client, demo)
    assert "read back without a difference" in answered and published == [TOKEN] and TOKEN not in answered
    assert "may publish" not in said(client, demo, "permission")
    publishing(client, demo)
    assert published == [TOKEN]
    files = [path for path in studio.settings.home.rglob("*") if path.is_file()]
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("why", ["not granted", "too late", "signed out"])
def test_without_the_hubs_permission_nothing_is_published(
    client: TestClient,
    oauth: OAuthServer,
    demo: gr.Blocks,
    published: list[str],
    why: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    oauth.denied = "contribute-repos" if why == "not granted" else ""
    if why == "too late":
        monkeypatch.setattr(sessions, "GRANT_SECONDS", 0)
    client.get(back_from_the_hub(client, **{"for": "publishing"}))
    if why == "signed out":
        kept = dict(client.cookies)
        client.post("/logout")
        client.cookies.update(kept)
    publishing(client, demo)
    assert published == []
    publishing(client, demo, "hf_ofTheirOwn")
    assert published == ([] if why == "signed out" else ["hf_ofTheirOwn"])
