"""A backbone is found on the Hub by its name, downloaded and removed on the Tune page."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser import pages
from tests.hub.conftest import contents
from tests.hub.server import Hub


def test_a_backbone_is_found_by_its_name_downloaded_and_removed(page: Page, small_hub: Hub, tiny_llama: Path) -> None:
    listed = {"pipeline_tag": "text-generation", "tags": ["safetensors", "license:mit"], "downloads": 7}
    small_hub.add("acme/tiny-found", contents(tiny_llama), listed=listed)
    pages.open_tune(page)
    page.get_by_label("Another model").check()
    box = page.locator("#other-backbone input, #other-backbone textarea")
    box.press_sequentially("nothing like it", delay=20)
    expect(page.locator("#found-message")).to_contain_text("No language model with safetensors weights")
    box.fill("tiny-f")  # as if it were pasted
    found = page.locator("#found-backbones").get_by_label("acme/tiny-found")
    expect(found).to_be_visible()
    expect(page.locator("#found-message")).not_to_be_visible()
    found.focus()
    page.keyboard.press("Space")
    expect(box).to_have_value("acme/tiny-found")
    expect(page.locator("#backbone-facts")).to_contain_text("to download; needs about")
    page.locator("#download").press("Enter")
    expect(page.locator("#backbone-facts")).to_contain_text("On this machine")
    expect(page.locator("#download")).not_to_be_visible()

    page.locator("#stored").get_by_role("button", name="Models on this machine").press("Enter")
    page.get_by_role("button", name="Remove acme/tiny-found").press("Enter")
    page.locator("#remove-no").press("Enter")
    expect(page.locator("#stored-list")).to_contain_text("acme/tiny-found")
    page.get_by_role("button", name="Remove acme/tiny-found").press("Enter")
    page.locator("#remove-yes").press("Enter")
    expect(page.locator("#stored-list")).not_to_contain_text("acme/tiny-found")
    expect(page.locator("#download")).to_be_visible()


def test_a_hub_that_cannot_be_searched_leaves_the_page_usable(page: Page, small_hub: Hub, tiny_llama: Path) -> None:
    pages.open_tune(page)
    small_hub.busy = True
    try:
        page.get_by_label("Another model").check()
        page.locator("#other-backbone input, #other-backbone textarea").press_sequentially("gemma", delay=20)
        expect(page.locator("#found-message")).to_contain_text("The Hub cannot be searched now")
    finally:
        small_hub.busy = False
    pages.choose_backbone(page, str(tiny_llama))
    expect(page.locator("#found-message")).not_to_be_visible()
    expect(page.locator("#start")).to_be_enabled()
