"""Signing in on a Space: to the Hub and back, against an OAuth server of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

from app.settings import Settings
from app.studio import Studio
from app.ui import build_ui, web_app
from storage.database import open_database
from tests.people.oauth import CLIENT, SECRET, TOKEN, OAuthServer, oauth_server

SPACE = "https://ada-prompts.hf.space"
PAGE = {"accept": "text/html"}


@pytest.fixture(scope="module")
def oauth() -> Iterator[OAuthServer]:
    with oauth_server() as server:
        yield server


@pytest.fixture(scope="module")
def client(oauth: OAuthServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings.from_environment(
        {
            "STUDIO_HOME": str(tmp_path_factory.mktemp("home")),
            "SPACE_ID": "ada/prompts",
            "OAUTH_CLIENT_ID": CLIENT,
            "OAUTH_CLIENT_SECRET": SECRET,
            "OPENID_PROVIDER_URL": oauth.url,
        }
    )
    studio = Studio(settings, open_database(settings.database_url))
    with TestClient(web_app(build_ui(studio), studio), base_url=SPACE, follow_redirects=False) as opened:
        yield opened


@pytest.fixture(autouse=True)
def afresh(client: TestClient, oauth: OAuthServer) -> None:
    client.cookies.clear()
    oauth.name = "ada"


def back_from_the_hub(client: TestClient, target: str = "/runs") -> str:
    """Goes to the Hub; the address at which it sends the browser back."""
    sent = client.get("/login/huggingface", params={"target": target})
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
