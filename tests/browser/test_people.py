"""Two people in one studio, each with a browser."""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.access.passwords import digest
from app.settings import Settings
from app.studio import Studio
from app.terminal.commands import main
from app.ui import build_ui, web_app
from storage.database import open_database
from storage.jobs import JobState
from tests.browser.studio import RunningStudio, recipe
from tests.people.oauth import CLIENT, SECRET, oauth_server
from tests.served import served_at

pytestmark = pytest.mark.slow
PASSWORDS = {"ada": "correct horse", "eve": "battery staple"}
BACKBONE = "acme/tiny"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, tiny_llama: Path) -> Iterator[RunningStudio]:
    folder = tmp_path_factory.mktemp("people")
    users = folder / "users"
    users.write_text("".join(f"{name}:{digest(password)}\n" for name, password in PASSWORDS.items()))
    studio = RunningStudio(folder / "home", variables={"STUDIO_AUTH": str(users)})
    shutil.copytree(tiny_llama, studio.home / "backbones" / BACKBONE.replace("/", "--"))
    studio.start()
    yield studio
    studio.end()
    said = studio.said()
    assert "Traceback" not in said and not [word for word in PASSWORDS.values() if word in said], said


@pytest.fixture
def contexts(browser: Browser, shared: RunningStudio) -> Iterator[dict[str, BrowserContext]]:
    """A browser of its own for each person."""
    opened = {name: browser.new_context(base_url=shared.url, accept_downloads=True) for name in PASSWORDS}
    yield opened
    for context in opened.values():
        context.close()


def sign_in(page: Page, name: str, address: str = "/runs") -> None:
    page.goto(address)
    expect(page).to_have_title("Sign in · LAMP Studio")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORDS[name])
    page.get_by_role("button", name="Sign in").click()


def test_two_people_see_their_own_runs_and_data_and_nothing_of_the_other(
    shared: RunningStudio, contexts: dict[str, BrowserContext], films: Path
) -> None:
    script = Client(shared.url, auth=("ada", PASSWORDS["ada"]), verbose=False)
    dataset = script.predict(handle_file(str(films)), api_name="/upload_dataset")
    recipe = {
        "backbone": BACKBONE,
        "lamp": {"prompt_length": 20, "rank": 4},
        "train": {"steps": 4, "batch_size": 2, "precision": "fp32"},
    }
    run = script.predict(recipe, dataset, "films of ada", api_name="/submit")

    ada = contexts["ada"].new_page()
    ada.goto("/runs")
    ada.get_by_label("Name").fill("ada")
    ada.get_by_label("Password").fill("wrong")
    ada.get_by_role("button", name="Sign in").click()
    expect(ada.get_by_role("alert")).to_contain_text("This name and password are not known here")
    ada.get_by_label("Password").fill(PASSWORDS["ada"])
    ada.get_by_role("button", name="Sign in").click()
    expect(ada.locator(".ls-who")).to_contain_text("ada")
    expect(ada.get_by_role("link", name="films of ada")).to_be_visible()
    ada.goto(f"/runs?run={run}")
    expect(ada.locator("#run-head")).to_contain_text("films of ada")
    deadline = time.monotonic() + 120
    while not shared.store.get(run).state.finished and time.monotonic() < deadline:
        time.sleep(0.2)
    assert shared.store.get(run).owner == "ada" and shared.store.get(run).state is JobState.DONE

    eve = contexts["eve"].new_page()
    sign_in(eve, "eve")
    expect(eve.get_by_text("No runs yet")).to_be_visible()
    eve.goto(f"/runs?run={run}")
    expect(eve.locator("#run-head")).to_contain_text(f"There is no run '{run}'")
    expect(eve.get_by_text("films")).to_have_count(0)

    archive = script.predict(run, api_name="/export")
    assert archive.endswith(".zip")
    address = next(iter((shared.home / "exports").glob(f"{run}*/*.zip")))
    assert contexts["ada"].request.get(f"/gradio_api/file={address}").status == 200
    assert contexts["eve"].request.get(f"/gradio_api/file={address}").status == 403

    ada.goto(f"/runs?run={run}&tab=about")
    ada.get_by_role("button", name="Make a link").click()
    link = ada.locator("#link textarea").input_value(timeout=30_000)
    eve.goto(link)
    expect(eve.locator("#shared-head")).to_contain_text("films of ada")
    expect(eve.locator("#shared-rows li").first).to_be_visible()
    eve.locator("#try-0 textarea").fill("the film was good")
    eve.get_by_role("button", name="Answer").click()
    expect(eve.get_by_text("Tuned prompt", exact=True).last).to_be_visible(timeout=60_000)
    with eve.expect_download() as taken:
        eve.get_by_role("link", name="Download the prompt").click()
    assert taken.value.suggested_filename == "films-of-ada.zip"
    ada.goto(f"/runs?run={run}&tab=about")
    ada.get_by_role("button", name="Revoke the link").click()
    ada.get_by_role("button", name="Yes, revoke").click()
    expect(ada.get_by_role("button", name="Revoke the link")).to_have_count(0)
    eve.reload()
    expect(eve.locator("#shared-head")).to_contain_text("There is no run")
    expect(eve.get_by_text("films of ada")).to_have_count(0)

    ada.get_by_role("button", name="Sign out").click()
    expect(ada).to_have_title("Sign in · LAMP Studio")
    ada.goto(f"/runs?run={run}")
    expect(ada).to_have_url(re.compile(r"/login\?target="))
    assert ada.evaluate("sessionStorage.length") == 0


def test_a_program_acts_with_a_token_until_it_is_revoked(
    shared: RunningStudio,
    contexts: dict[str, BrowserContext],
    films: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page, made = contexts["ada"].new_page(), []
    sign_in(page, "ada")
    page.locator(".ls-who").get_by_role("link", name="ada").click()
    expect(page.locator("#tokens")).to_contain_text("No tokens yet")
    for name, may in (("nightly", "Everything I can do"), ("dashboard", "Read only")):
        page.locator("#token-name input").fill(name)
        page.get_by_role("radio", name=may).check()
        page.get_by_role("button", name="Make a token").click()
        expect(page.locator("#token-said")).to_contain_text(f"{name} begins with ls_")
        made.append(page.locator("#token textarea").input_value())
        expect(page.get_by_role("button", name=f"Revoke {name}")).to_be_visible()
    full, reading = made
    page.reload()
    expect(page.locator("#tokens")).to_contain_text("nightly")
    assert not [secret for secret in made if secret in page.content()]

    script = Client(shared.url, headers={"Authorization": f"Bearer {full}"}, verbose=False)
    dataset = script.predict(handle_file(str(films)), api_name="/upload_dataset")
    run = script.predict(recipe(BACKBONE, 4).to_dict(), dataset, "by a program", api_name="/submit")
    assert shared.store.get(run).owner == "ada"
    (tmp_path / "token").write_text(f"{reading}\n")
    to_read = ("--studio", shared.url, "--token-file", str(tmp_path / "token"))
    assert main([*to_read, "runs"]) == 0 and "by a program" in capsys.readouterr().out
    assert main([*to_read, "stop", run]) == 1
    assert capsys.readouterr().err.startswith("This token only reads: ")
    monkeypatch.setenv("STUDIO_TOKEN", full)
    assert main(["--studio", shared.url, "stop", run]) == 0
    capsys.readouterr()

    page.get_by_role("button", name="Revoke nightly").click()
    expect(page.get_by_text("Revoke it?")).to_be_visible()
    page.get_by_role("button", name="Yes, revoke").click()
    expect(page.get_by_role("button", name="Revoke nightly")).to_have_count(0)
    assert main(["--studio", shared.url, "runs"]) == 1
    assert "the token is not known there, or it has ended or was revoked" in capsys.readouterr().err
    kept = [path for path in shared.home.parent.rglob("*") if path.is_file()]
    parts = [secret[7:].encode() for secret in made]
    assert [path for path in kept if any(part in path.read_bytes() for part in parts)] == []
    assert any(hashlib.sha256(reading.encode()).hexdigest().encode() in path.read_bytes() for path in kept)


def test_a_terminal_signs_in(
    shared: RunningStudio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STUDIO_USER_PASSWORD", PASSWORDS["eve"])
    assert main(["--studio", shared.url, "--user", "eve", "runs"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["--studio", shared.url, "--user", "ada", "runs"]) == 1
    assert "'ada' and this password are not known there" in capsys.readouterr().err
    assert main(["--studio", shared.url, "runs"]) == 1
    assert "it asks who you are; give your name with --user" in capsys.readouterr().err


def test_somebody_signs_in_and_out_with_an_account_of_the_hub(browser: Browser, tmp_path: Path) -> None:
    space = "https://ada-prompts.hf.space"
    with oauth_server() as oauth:
        settings = Settings.from_environment(
            {
                "STUDIO_HOME": str(tmp_path),
                "SPACE_ID": "ada/prompts",
                "OAUTH_CLIENT_ID": CLIENT,
                "OAUTH_CLIENT_SECRET": SECRET,
                "OPENID_PROVIDER_URL": oauth.url,
            }
        )
        studio = Studio(settings, open_database(settings.database_url))
        with served_at(web_app(build_ui(studio), studio)) as port:
            own = f"http://127.0.0.1:{port}"
            context = browser.new_context(base_url=own)
            page = context.new_page()
            page.goto("/runs?show=Done")
            # The Hub sends the browser to the Space's address, from which its proxy leads to the studio.
            with page.expect_request(lambda request: request.url.startswith(space)) as back:
                page.get_by_role("link", name="Sign in with Hugging Face").click()
            page.goto(back.value.url.removeprefix(space))
            assert page.url == f"{own}/runs?show=Done"
            expect(page.locator(".ls-who")).to_contain_text("ada")
            page.get_by_role("button", name="Sign out").click()
            expect(page).to_have_title("Sign in · LAMP Studio")
            page.goto("/runs")
            expect(page).to_have_title("Sign in · LAMP Studio")
            context.close()
    assert oauth.scopes == ["openid profile"]
