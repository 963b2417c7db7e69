"""The list of runs is as it was left, and deleted runs can be found in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from storage.jobs import JobState
from tests.browser import pages
from tests.browser.studio import RunningStudio, recipe

SCORES = {"accuracy": 0.9, "untrained_accuracy": 0.5}


def test_a_deleted_run_leaves_the_list_and_comes_back(page: Page, studio: RunningStudio, tiny_llama: Path) -> None:
    job = studio.add_ended(str(tiny_llama), JobState.DONE, "to be deleted", scores=SCORES)
    pages.open_run(page, job.id, "About")
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
    deleted = page.locator(".ls-deleted", has_text="to be deleted")  # other tests leave deleted runs, too
    expect(deleted).to_be_visible()
    deleted.get_by_role("button", name="Bring it back").click()
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


@pytest.mark.parametrize("width", [1280, 390])
def test_runs_are_selected_compared_tagged_deleted_and_brought_back(
    width: int, page: Page, studio: RunningStudio, tiny_llama: Path
) -> None:
    store = studio.store
    first, second = (
        studio.add_ended(str(tiny_llama), JobState.DONE, f"picked {n} at {width}", scores=SCORES).id for n in (1, 2)
    )
    busy = store.add(
        f"picked busy at {width}", recipe(str(tiny_llama), 60).to_dict(), "sample:x.csv", "x.csv", 60, gpus=99
    )
    try:
        assert store.claim("another-machine", range(200)) is not None
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(f"/runs?search=picked+{width}")
        expect(page.locator(".ls-run")).to_have_count(3)
        bar, checked = page.get_by_role("group", name="Selected runs"), page.locator("#runs tbody input:checked")
        expect(bar).not_to_be_visible()
        for run in (first, second):
            page.locator(f"[data-select='{run}']").focus()
            page.keyboard.press("Space")
        expect(bar).to_contain_text("2 selected")

        # The list is replaced while the run goes on: boxes stay checked, and the focus stays where it was.
        store.heartbeat(busy.id, 6, "Training", [(6, "loss", 1.0)])
        expect(page.locator("#runs")).to_contain_text("Running 10 %")
        expect(checked).to_have_count(2)
        expect(page.locator(f"[data-select='{second}']")).to_be_focused()

        bar.get_by_role("link", name="Compare").click()
        page.wait_for_url(re.compile(f"/compare.runs={first}(,|%2C){second}"))
        expect(page.locator("#compare-scores tbody tr")).to_have_count(2)
        page.go_back()
        expect(checked).to_have_count(2)

        bar.get_by_role("button", name="Add a tag").press("Enter")
        page.keyboard.type("violet")
        page.keyboard.press("Enter")
        expect(page.locator("#list-said")).to_contain_text("Tag violet added to 2 runs.")
        expect(page.locator("#runs .ls-tag")).to_have_text(["violet", "violet"])

        page.get_by_label("Select all shown").check()
        expect(bar).to_contain_text("3 selected")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        bar.get_by_role("button", name="Delete").press("Enter")
        expect(bar).to_contain_text("Delete these 3 runs?")
        expect(bar.get_by_role("button", name="Yes, delete")).to_be_focused()
        bar.get_by_role("button", name="Keep").press("Enter")
        assert store.get(first).deleted_at is None
        bar.get_by_role("button", name="Delete").press("Enter")
        page.keyboard.press("Enter")
        expect(page.locator("#list-said")).to_contain_text(f"still running: 'picked busy at {width}'")
        expect(page.locator(".ls-run")).to_have_count(1)
        expect(bar).not_to_be_visible()
        page.get_by_role("button", name="Bring them back").press("Enter")
        expect(page.locator(".ls-run")).to_have_count(3)
        expect(page.locator("#list-said")).not_to_be_visible()

        page.locator(f"[data-select='{first}']").check()
        expect(bar).to_contain_text("2 to 6 can be compared")
        pages.type_in(page, "search", f"picked busy {width}")
        expect(bar).to_contain_text("1 selected, 1 not shown")
        bar.get_by_role("button", name="Clear").click()
        expect(bar).not_to_be_visible()
    finally:
        store.finish(busy.id, JobState.STOPPED, step=7)
        store.release(busy.id)
        for run in (first, second, busy.id):
            store.delete(run)


def test_the_order_of_the_list_stands_in_its_address(page: Page, studio: RunningStudio, tiny_llama: Path) -> None:
    jobs = [
        studio.add_ended(str(tiny_llama), JobState.DONE, name, scores={"accuracy": score})
        for name, score in {"sorted b": 0.4, "sorted c": 0.9, "sorted a": 0.6}.items()
    ]
    names, heads = page.locator(".ls-run-name"), page.locator("#runs thead")
    page.goto("/runs?search=sorted")
    expect(names).to_have_text(["sorted a", "sorted c", "sorted b"])
    heads.get_by_role("button", name="Score").press("Enter")
    expect(names).to_have_text(["sorted c", "sorted a", "sorted b"])
    expect(page).to_have_url(re.compile("sort=score"))
    heads.get_by_role("button", name="Score").press("Enter")
    expect(names).to_have_text(["sorted b", "sorted a", "sorted c"])
    page.reload()
    expect(names).to_have_text(["sorted b", "sorted a", "sorted c"])
    expect(page.get_by_role("columnheader", name="Score")).to_have_attribute("aria-sort", "ascending")
    page.goto("/runs?search=sorted&sort=name")
    expect(names).to_have_text(["sorted a", "sorted b", "sorted c"])
    for job in jobs:
        studio.store.delete(job.id)
