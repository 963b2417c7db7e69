"""Data sets of the Hub on the Tune page: found by a part of their name, chosen, fetched."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser import pages
from tests.browser.conftest import ADA
from tests.browser.studio import RunningStudio
from tests.hub.server import Hub


def test_a_data_set_is_found_as_one_types_and_its_parts_are_shown_when_it_is_chosen(page: Page, small_hub: Hub) -> None:
    rows = "".join(f"film {number},{number % 3}\n" for number in range(30)).encode()
    small_hub.add("acme/moods", {"train.csv": b"text,mood\n" + rows}, "datasets", downloads=7, tags=("license:mit",))
    small_hub.add("zeta/mood-swings", {"train.csv": b"text,mood\n" + rows}, "datasets", gated=True)
    pages.open_tune(page)
    pages.turn_to(page, "The Hub")
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
    pages.turn_to(page, "The Hub")
    small_hub.busy = True
    try:
        page.locator("#hub-id input, #hub-id textarea").fill("moods")
        expect(page.locator("#hub-said")).to_contain_text("The Hub could not be searched now")
    finally:
        small_hub.busy = False
    expect(page.locator("#rail")).to_contain_text("rows")
    expect(page.get_by_test_id("toast-body")).to_have_count(0)


def test_all_rows_can_be_asked_for_and_a_fetch_can_be_cancelled(page: Page, small_hub: Hub) -> None:
    count = 120_000
    card = b"---\ndataset_info:\n  splits:\n  - {name: train, num_bytes: 1000000, num_examples: 120000}\n---\n"
    rows = "".join(f"row {number},{number % 2}\n" for number in range(count)).encode()
    small_hub.add("acme/crowd", {"README.md": card, "train.csv": b"text,label\n" + rows}, "datasets")
    pages.open_tune(page)
    pages.turn_to(page, "The Hub")
    page.locator("#hub-id input, #hub-id textarea").fill("acme/crowd")
    page.locator("#hub-look").click()
    expect(page.locator("#hub-split input")).to_have_value("train · 120,000 rows")
    page.locator("#hub-rows input").click()
    page.get_by_role("option", name="All 120,000").click()
    small_hub.delay = 2  # so that there is time to cancel
    page.locator("#hub-fetch").click()
    page.locator("#hub-cancel").click()
    small_hub.delay = 0
    expect(page.locator("#upload-said")).to_contain_text("Cancelled. Nothing was added.")
    page.locator("#hub-fetch").click()
    expect(page.locator("#upload-said")).to_contain_text("crowd train.parquet has 120,000 rows and 2 columns.")
    expect(page.locator("#dataset-source")).to_contain_text("From the Hub: acme/crowd, subset default, split train")
    expect(page.locator("#hub-results")).not_to_be_visible()


def test_a_private_data_set_is_read_with_a_token_which_is_gone_then(
    page: Page, small_hub: Hub, studio: RunningStudio
) -> None:
    rows = "".join(f"entry {number},{number % 2}\n" for number in range(30)).encode()
    small_hub.add("ada/diary", {"train.csv": b"text,label\n" + rows}, "datasets", private=True)
    pages.open_tune(page)
    pages.turn_to(page, "The Hub")
    page.locator("#hub-id input, #hub-id textarea").fill("ada/diary")
    page.locator("#hub-look").click()
    expect(page.locator("#upload-said")).to_contain_text("if it is private, give a token that may read it")
    token = page.locator("#hub-token input")
    assert token.get_attribute("type") == "password"
    token.fill(ADA.token)
    token.press("Enter")
    expect(page.locator("#hub-split input")).to_have_value("train")
    page.locator("#hub-fetch").click()
    expect(page.locator("#upload-said")).to_contain_text("diary train.parquet has 30 rows and 2 columns.")
    expect(token).not_to_be_visible()
    assert ADA.token not in str(page.evaluate("[...Object.values(sessionStorage), ...Object.values(localStorage)]"))
    assert ADA.token not in page.content()
    kept = [path for path in studio.home.rglob("*") if path.is_file() and ADA.token.encode() in path.read_bytes()]
    assert kept == []


def test_a_data_set_is_renamed_and_deleted(page: Page, studio: RunningStudio, tmp_path: Path) -> None:
    table = tmp_path / "drafts.csv"
    table.write_text("text,mood\n" + "".join(f"line {number},{number % 2}\n" for number in range(20)))
    pages.open_tune(page)
    expect(page.locator("#dataset-more")).not_to_be_visible()
    pages.upload(page, table)
    expect(page.locator("#upload-said")).to_contain_text("drafts.csv has 20 rows")
    page.get_by_text("Rename or delete this data set").click()
    expect(page.locator("#dataset-name input, #dataset-name textarea")).to_have_value("drafts")
    pages.type_in(page, "dataset-name", "verses")
    page.locator("#dataset-rename").click()
    expect(page.locator("#upload-said")).to_contain_text("The data set is called verses.csv now.")
    expect(page.locator("#dataset input")).to_have_value("verses.csv · 20 rows")
    expect(page.locator("#rail .ls-facts")).to_contain_text("verses.csv")
    expect(page.locator("#target input")).to_have_value("mood")
    page.locator("#dataset-delete").click()
    page.locator("#dataset-delete-no").click()
    expect(page.locator("#dataset-delete-yes")).not_to_be_visible()
    page.locator("#dataset-delete").click()
    page.locator("#dataset-delete-yes").click()
    expect(page.locator("#upload-said")).to_contain_text("verses.csv is gone; support-tickets.csv is chosen now.")
    expect(page.locator("#rail .ls-facts")).to_contain_text("support-tickets.csv")
    expect(page.locator("#target input")).to_have_value("label")
    expect(page.locator("#dataset-more")).not_to_be_visible()
    assert not [path for path in (studio.home / "uploads").iterdir() if b"line 7,1" in path.read_bytes()]
