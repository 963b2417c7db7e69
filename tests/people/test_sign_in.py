"""Signing in: with a name and a password, by a reverse proxy, and not at all where nobody is asked."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from app import main
from app.access import passwords
from app.access.passwords import Users, digest
from app.access.sign_in import SignIn
from app.main import check_sign_in
from app.settings import Settings
from app.web.attempts import Attempts
from lamp.errors import ConfigError, LampError
from tests.people.calls import HEADER
from tests.people.conftest import served, studio_at

PASSWORD = "correct horse"
PAGE = {"accept": "text/html,*/*"}


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("auth") / "users"
    file.write_text(f"# people\nada:{digest(PASSWORD)}\n\neve:{digest('another')}\n")
    return file


@pytest.fixture(scope="module")
def client(users: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with served(studio_at(tmp_path_factory.mktemp("home"), SignIn(users_file=users))) as opened:
        yield opened


@pytest.fixture(autouse=True)
def signed_out(client: TestClient) -> None:
    client.cookies.clear()


def sign_in(client: TestClient, name: str = "ada", password: str = PASSWORD, target: str = "/") -> httpx2.Response:
    form = {"username": name, "password": password, "target": target}
    return client.post("/login", data=form, headers=PAGE)


def test_nobody_gets_past_the_sign_in_page(client: TestClient) -> None:
    answer = client.get("/runs?show=Done", headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?target=%2Fruns%3Fshow%3DDone")
    page = client.get(answer.headers["location"])
    assert 'value="/runs?show=Done"' in page.text and page.headers["cache-control"] == "no-store"
    chinese = client.get("/login", headers={**PAGE, "accept-language": "zh-CN"})
    assert '<html lang="zh">' in chinese.text and "登录" in chinese.text and "Sign in" not in chinese.text
    for path in ("/", "/config", "/gradio_api/info", "/gradio_api/openapi.json", "/metrics", "/static/x", "/nothing"):
        answer = client.get(path)
        assert answer.status_code == 401 and answer.text.startswith("Sign in first"), path
    assert client.get("/health/live").status_code == 200


def test_with_the_right_password_the_page_that_was_wanted_is_opened(client: TestClient) -> None:
    answer = sign_in(client, target="/runs?show=Done")
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs?show=Done")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and PASSWORD not in cookie and "ada" not in cookie
    assert client.get("/gradio_api/user").json() == "ada" and client.get("/", headers=PAGE).status_code == 200
    answer = client.post("/logout")
    assert answer.status_code == 303 and client.get("/config").status_code == 401


@pytest.mark.parametrize(("name", "password"), [("ada", "wrong"), ("ada", ""), ("nobody", PASSWORD), ("eve", PASSWORD)])
def test_a_wrong_password_and_an_unknown_name_read_alike(client: TestClient, name: str, password: str) -> None:
    answer = sign_in(client, name, password)
    assert answer.status_code == 401 and "This name and password are not known here" in answer.text
    assert "set-cookie" not in answer.headers and (not password or password not in answer.text)


@pytest.mark.parametrize(
    "target", ["https://foreign.example/", "//foreign.example", "/\\foreign.example", "x", "/a\r\nb"]
)
def test_signing_in_leads_to_no_foreign_page(client: TestClient, target: str) -> None:
    assert sign_in(client, target=target).headers["location"] == "/"


def test_a_foreign_page_signs_nobody_in(client: TestClient) -> None:
    form = {"username": "ada", "password": PASSWORD}
    assert client.post("/login", data=form, headers={"origin": "https://foreign.example"}).status_code == 403


def test_a_script_signs_in_as_gradio_clients_do(client: TestClient) -> None:
    wrong = client.post("/login", data={"username": "ada", "password": "wrong"})
    assert wrong.status_code == 401 and wrong.text.endswith("type them again.")
    assert client.post("/login", data={"username": "ada", "password": PASSWORD}).json() == {"success": True}
    assert client.get("/config").status_code == 200


def test_after_some_wrong_passwords_even_the_right_one_has_to_wait(users: Path, tmp_path: Path) -> None:
    with served(studio_at(tmp_path, SignIn(users_file=users))) as client:
        statuses = [sign_in(client, "eve", "guess").status_code for _ in range(6)]
        assert statuses == [401] * 5 + [429]
        answer = sign_in(client, "eve", "another")
        assert answer.status_code == 429 and "Too many wrong passwords for this name" in answer.text
        assert sign_in(client).status_code == 303  # others are not kept waiting


def test_the_wait_after_wrong_passwords_ends_after_a_minute() -> None:
    now = [1000.0]
    attempts = Attempts(lambda: now[0])
    for _ in range(5):
        assert attempts.wait("eve", "here") == 0
        attempts.wrong("eve", "here")
    assert attempts.wait("eve", "here") == 60 and attempts.wait("eve", "elsewhere") == 0
    now[0] += 61
    assert attempts.wait("eve", "here") == 0
    attempts.wrong("eve", "here")
    assert attempts.wait("eve", "here") == 0  # counted from one again


def test_somebody_who_is_taken_out_of_the_file_is_out_at_once(tmp_path: Path, users: Path) -> None:
    file = tmp_path / "users"
    file.write_text(users.read_text())
    with served(studio_at(tmp_path / "home", SignIn(users_file=file))) as client:
        assert sign_in(client).status_code == 303 and client.get("/config").status_code == 200
        file.write_text("\n".join(line for line in file.read_text().splitlines() if not line.startswith("ada")))
        assert client.get("/config").status_code == 401 and sign_in(client).status_code == 401
        file.unlink()
        answer = client.get("/config")
        assert answer.status_code == 503 and answer.text.startswith("The file that STUDIO_AUTH names cannot be read")


@pytest.mark.parametrize("line", ["ada:secret", "ada", "ada:scrypt$x$y", "", "# nobody"])
def test_a_file_with_anything_but_digests_is_refused_without_quoting_it(tmp_path: Path, line: str) -> None:
    file = tmp_path / "users"
    file.write_text(f"{line}\n")
    with pytest.raises(LampError, match="lamp-studio password NAME") as refused:
        Users(file)
    assert "secret" not in str(refused.value)


def test_the_command_makes_a_line_without_the_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
    monkeypatch.setattr(sys, "argv", ["lamp-studio", "password", "ada"])
    assert main.main() == 0
    line = capsys.readouterr().out
    assert PASSWORD not in line
    (tmp_path / "users").write_text(line)
    assert Users(tmp_path / "users").check("ada", PASSWORD) and not Users(tmp_path / "users").check("ada", "x")
    for wrong in ([], ["a b"], ["a:b"], ["a", "b"]):
        assert passwords.main(wrong) == 2


def test_a_proxys_header_says_who_it_is_where_that_is_set(tmp_path: Path) -> None:
    with served(studio_at(tmp_path, SignIn(header=HEADER))) as client:
        assert client.get("/gradio_api/user", headers={HEADER: "ada@example.org"}).json() == "ada@example.org"
        refused = [{}, {HEADER: ""}, {HEADER: " "}, {HEADER: "a" * 101}, [(HEADER, "ada"), (HEADER, "eve")]]
        for headers in refused:
            answer = client.get("/", headers=headers)  # type: ignore[arg-type]
            assert answer.status_code == 401 and "did not say who you are" in answer.text
        assert client.get("/login").status_code == 401


def test_the_header_means_nothing_where_it_is_not_set(client: TestClient, tmp_path: Path) -> None:
    assert client.get("/config", headers={HEADER: "ada"}).status_code == 401
    with served(studio_at(tmp_path, SignIn())) as open_to_one:
        assert open_to_one.get("/gradio_api/user", headers={HEADER: "ada"}).json() is None


def test_one_person_on_their_own_machine_is_asked_nothing(tmp_path: Path) -> None:
    with served(studio_at(tmp_path, SignIn())) as client:
        assert client.get("/", headers=PAGE).status_code == 200 and client.get("/metrics").status_code == 200


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"STUDIO_AUTH": "/nowhere/users"}, "STUDIO_AUTH must be a file"),
        ({"STUDIO_AUTH": "ada:secret"}, "there is no such file"),
        ({"STUDIO_USER_HEADER": "a b"}, "must be a header's name such as X-Forwarded-User"),
        ({"STUDIO_USER_HEADER": "X-User", "STUDIO_AUTH": "/nowhere/users"}, "not both"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_quotes_no_password(variables: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        Settings.from_environment(variables)
    assert "secret" not in str(refused.value)


def test_a_space_on_which_nobody_would_sign_in_does_not_start(capsys: pytest.CaptureFixture[str]) -> None:
    space = {"SPACE_ID": "ada/prompts"}
    with pytest.raises(LampError, match="hf_oauth: true"):
        check_sign_in(Settings.from_environment(space))
    oauth = {"OAUTH_CLIENT_ID": "an id", "OAUTH_CLIENT_SECRET": "kept secret"}
    settings = Settings.from_environment({**space, **oauth})
    check_sign_in(settings)
    assert settings.sign_in.hub is not None and "kept secret" not in repr(settings)
    assert settings.sign_in.hub.redirect == "https://ada-prompts.hf.space/login/callback"
    assert not Settings.from_environment(oauth).sign_in.asks  # no Space
    check_sign_in(Settings.from_environment({}))
    assert capsys.readouterr().err == ""
    check_sign_in(Settings.from_environment({"STUDIO_HOST": "0.0.0.0"}))
    assert "whoever can reach 0.0.0.0 sees and changes everything" in capsys.readouterr().err


def test_the_readme_has_the_hub_ask_people_on_a_space() -> None:
    assert "\nhf_oauth: true\n" in (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").split("---")[1]
