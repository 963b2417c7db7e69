"""Data sets of the Hub on the Tune page: found by a part of their name, chosen, fetched."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser import pages
from tests.hub.server import Hub


def test_a_data_set_is_found_as_one_types_and_its_parts_are_shown_when_it_is_chosen(page: Page, small_hub: Hub) -> None:
    rows = "".join(f"film {number},{number % 3}\n" for number in range(30)).encode()
    small_hub.add("acme/moods", {"train.csv": b"text,mood\n" + rows}, "datasets", downloads=7, tags=("license:mit",))
    small_hub.add("zeta/mood-swings", {"train.csv": b"text,mood\n" + rows}, "datasets", gated=True)
    pages.open_tune(page)
    pages.turn_to(page, "Data")
    box = page.locator("#hub-id input, #hub-id textarea")
    box.press_sequentially("mood", delay=30)
    results = page.locator("#hub-results label")
    expect(results).to_have_count(2)
    expect(results.first).to_contain_text("acme/moods")
    expect(results.first).to_contain_text("licence mit · 7 downloads")
    expect(results.last).to_contain_text("gated")
    assert len([request for request in small_hub.requests if "search=mood" in request.path]) == 1, "not for each key"
    results.first.click()
    expect(box).to_have_value("acme/moods")
    expect(page.locator("#hub-split input")).to_have_value("train")
    box.fill("no such name")
    expect(page.locator("#hub-split")).not_to_be_visible()
    expect(page.locator("#hub-said")).to_contain_text("no public data set with 'no such name' in its name")
    expect(results).to_have_count(0)


def test_without_a_hub_one_sentence_says_so_and_the_page_goes_on(page: Page, small_hub: Hub) -> None:
    pages.open_tune(page)
    pages.turn_to(page, "Data")
    small_hub.busy = True
    try:
        page.locator("#hub-id input, #hub-id textarea").fill("moods")
        expect(page.locator("#hub-said")).to_contain_text("The Hub could not be searched now")
    finally:
        small_hub.busy = False
    expect(page.locator("#rail")).to_contain_text("rows")
    expect(page.get_by_test_id("toast-body")).to_have_count(0)
