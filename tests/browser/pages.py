"""What a person does on the pages, in one call each."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect


def open_tune(page: Page, address: str = "/") -> None:
    """Opens the Tune page and waits until it has filled itself in."""
    page.goto(address)
    expect(page.locator("#rail .ls-facts")).to_be_visible()
    expect(page.locator("#rail")).to_contain_text("rows")


def turn_to(page: Page, step: str) -> None:
    page.locator("#stepper").get_by_role("tab", name=step).click()


def choose_backbone(page: Page, reference: str) -> None:
    turn_to(page, "Backbone")
    page.get_by_label("Another model").check()
    page.locator("#other-backbone textarea, #other-backbone input").fill(reference)
    page.locator("#other-backbone textarea, #other-backbone input").blur()


def upload(page: Page, path: Path) -> None:
    turn_to(page, "Data")
    page.locator("#upload input[type=file]").set_input_files(str(path))


def set_number(page: Page, key: str, value: float) -> None:
    box = page.locator(f"#field-{key} input")
    box.fill(f"{value:g}")
    box.blur()


def number(page: Page, key: str) -> str:
    return page.locator(f"#field-{key} input").input_value()


def start(page: Page) -> str:
    """Presses Start and waits for the run's page; the run's id."""
    page.locator("#start").click()
    page.wait_for_url(re.compile(r"/runs\?run="))
    return page.url.partition("run=")[2]


def open_run(page: Page, run: str, tab: str = "") -> None:
    page.goto(f"/runs?run={run}")
    expect(page.locator("#run-head h1")).to_be_visible()
    if tab:
        page.locator("#run-tabs").get_by_role("tab", name=tab).click()


def wait_for_state(page: Page, word: str, seconds: float = 90) -> None:
    expect(page.locator("#run-head .ls-head .ls-pill")).to_have_text(word, timeout=seconds * 1000)
