"""The list of runs is as it was left, and deleted runs can be found in it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from storage.jobs import JobState
from tests.browser import pages
from tests.browser.studio import RunningStudio

SCORES = {"accuracy": 0.9, "untrained_accuracy": 0.5}


def test_a_deleted_run_leaves_the_list_and_comes_back(page: Page, studio: RunningStudio, tiny_llama: Path) -> None:
    job = studio.add_ended(str(tiny_llama), JobState.DONE, "to be deleted", scores=SCORES)
    pages.open_run(page, job.id, "Details")
    page.locator("#delete").click()
    page.locator("#delete-no").click()
    assert studio.store.get(job.id).deleted_at is None
    page.locator("#delete").click()
    page.locator("#delete-yes").click()
    expect(page.locator("#run-trouble")).to_contain_text("This run was deleted.")
    page.goto("/runs")
    expect(page.locator("#runs :is(.ls-run, .ls-empty)").first).to_be_visible()
    expect(page.locator("#runs")).not_to_contain_text("to be deleted")
    pages.open_run(page, job.id)
    page.get_by_role("button", name="Bring it back").click()
    expect(page.locator("#run-trouble")).not_to_contain_text("deleted")
    studio.store.delete(job.id)
    page.goto("/runs")
    page.get_by_label("Deleted").check()
    expect(page.locator(".ls-deleted")).to_contain_text("to be deleted")
    page.locator(".ls-deleted").get_by_role("button", name="Bring it back").click()
    expect(page.locator("#runs")).not_to_contain_text("to be deleted")
    page.get_by_label("All").check()
    expect(page.locator("#runs")).to_contain_text("to be deleted")
    expect(page.locator("#disk")).to_contain_text("are free.")


def test_back_from_a_run_leads_to_the_same_place_of_the_list(page: Page, studio: RunningStudio) -> None:
    jobs = [studio.store.add(f"row {number:02}", {}, "sample:x.csv", "x.csv", 60) for number in range(40)]
    try:
        for job in jobs:
            studio.store.request_stop(job.id)
        page.goto("/runs")
        page.get_by_label("Ended early").check()
        pages.type_in(page, "search", "row x.csv")
        page.get_by_role("button", name="Show more").click()
        expect(page.locator(".ls-run")).to_have_count(40)
        for back in (page.go_back, page.locator(".ls-up").click):
            page.get_by_text("row 03").scroll_into_view_if_needed()
            place = page.evaluate("scrollY")
            assert place > 500
            page.get_by_text("row 03").click()
            expect(page.locator("#run-head")).to_contain_text("All runs")
            back()
            expect(page.locator(".ls-run")).to_have_count(40)
            expect(page.get_by_label("Ended early")).to_be_checked()
            expect(page.locator("#search input, #search textarea")).to_have_value("row x.csv")
            page.wait_for_function("(place) => Math.abs(scrollY - place) < 50", arg=place, timeout=60_000)
    finally:
        for job in jobs:
            studio.store.delete(job.id)
