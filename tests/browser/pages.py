"""What a person does on the pages, in one call each."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect


def open_tune(page: Page, address: str = "/") -> None:
    """Opens the Tune page and waits until it has filled itself in."""
    page.goto(address)
    expect(page.locator("#rail")).to_contain_text("rows")  # it is folded on a phone
    expect(page.locator("#preview table")).to_be_visible()


SECTIONS = ("Your examples", "What it will learn", "The model", "How thorough")


def turn_to(page: Page, section: str) -> None:
    """Goes to a section of the Tune page; of its settings or of the Hub's part, which are folded, it opens them."""
    folded = {"All settings": "#advanced", "The Hub": "#hub"}
    if section in SECTIONS:
        page.locator("#stepper").get_by_role("link", name=section).click()
        return
    button = page.locator(f"{folded[section]} > button")
    if "open" not in (button.get_attribute("class") or ""):
        button.click()
    expect(button).to_have_class(re.compile("open"))


def type_in(page: Page, box: str, text: str) -> None:
    """Fills the box with this id and leaves it.

    What is unfolded is on the page before its values are bound, a few milliseconds later, and what is
    typed in between is overwritten. No person is that quick: a script fills again.
    """
    field = page.locator(f"#{box} input, #{box} textarea")
    for _ in range(5):
        field.fill(text)
        page.wait_for_timeout(250)
        if field.input_value() == text:
            break
    expect(field).to_have_value(text)
    field.blur()


def choose_backbone(page: Page, reference: str) -> None:
    page.get_by_label("Another model").check()
    type_in(page, "other-backbone", reference)


def upload(page: Page, path: Path) -> None:
    page.locator("#upload input[type=file]").set_input_files(str(path))


def set_number(page: Page, key: str, value: float) -> None:
    type_in(page, f"field-{key}", f"{value:g}")


def number(page: Page, key: str) -> str:
    return page.locator(f"#field-{key} input").input_value()


def mark(page: Page, field: str) -> str:
    """The sentence that stands below the field with this selector; "none" when there is none."""
    return str(page.locator(field).evaluate("(element) => getComputedStyle(element, '::after').content"))


def hold_up(page: Page, how_many: int = 1) -> None:
    """Keeps the next requests of the page on their way to the server until `letGo()`, and no others."""
    page.evaluate(
        """(many) => {
            const send = window.fetch
            const held = new Promise((go) => { window.letGo = go })
            window.heldUp = 0
            const asks = (address) => /queue.join|run.predict/.test(String(address.url ?? address))
            window.fetch = async (...given) => {
                if (asks(given[0]) && window.heldUp++ < many) await held
                return send(...given)
            }
        }""",
        how_many,
    )


def expect_to_show(page: Page, selector: str, act: Callable[[], object]) -> None:
    """Acts, and waits until a match of the selector was on the page, however short a time it stood there."""
    page.evaluate(
        """(selector) => {
            window.wasShown = false
            const look = () => { window.wasShown ||= document.querySelector(selector) !== null }
            window.shownObserver?.disconnect()
            window.shownObserver = new MutationObserver(look)
            window.shownObserver.observe(document.body, {childList: true, subtree: true, attributes: true})
        }""",
        selector,
    )
    act()
    page.wait_for_function("window.wasShown")


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
