"""One studio and one browser for all browser tests; a fresh page for each."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.studio import RunningStudio
from tests.hub.repositories import Account
from tests.hub.server import Hub

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",  # nothing comes from outside
]


ADA = Account("ada", "hf_adasSecretTokenThatMayWrite")


@pytest.fixture(scope="session")
def small_hub() -> Iterator[Hub]:
    with Hub() as hub:
        hub.accounts.append(ADA)
        yield hub


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory, small_hub: Hub) -> Iterator[RunningStudio]:
    served = RunningStudio(tmp_path_factory.mktemp("studio") / "home", hub=small_hub.url)
    served.start()
    yield served
    served.end()
    assert "Traceback" not in served.said() and ADA.token not in served.said(), served.said()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=30_000)  # a busy machine is slow, not broken
    with sync_playwright() as playwright:
        # The headless shell opens a page for a tenth of the processor time that the whole browser takes for it.
        installed = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        found = playwright.chromium.launch(executable_path=installed, args=FLAGS)
        yield found
        found.close()


@contextmanager
def opened_page(browser: Browser, studio: RunningStudio) -> Iterator[Page]:
    """A page of the studio, with relative addresses; an error in the page's own script fails the test."""
    context = browser.new_context(base_url=studio.url, viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(20_000)
    opened = context.new_page()
    failures: list[str] = []
    opened.on("pageerror", lambda error: failures.append(str(error)))
    yield opened
    context.close()
    assert not failures, failures


@pytest.fixture
def page(browser: Browser, studio: RunningStudio) -> Iterator[Page]:
    with opened_page(browser, studio) as opened:
        yield opened


@pytest.fixture
def films(tiny_table: Path) -> Path:
    return tiny_table
