"""Every page is held to WCAG AA by axe-core, in light and dark, and fits a narrow phone."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from app.jobs.comparing import comparison_config
from app.run import Run
from lamp.baselines.ways import Request, WayResult, keep_result
from storage.home import Home
from storage.jobs import Job, JobState
from tests.browser import pages
from tests.browser.studio import RunningStudio
from tests.browser.test_results import add_tested

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
TABS = ("Results", "Training", "Try", "Inspect", "Worth it?", "Use it", "About")


@pytest.fixture(scope="module")
def tested(studio: RunningStudio, tiny_llama: Path) -> Job:
    job = add_tested(studio, tiny_llama, "an accessible one", 34)
    add_ways(studio, job)
    return job


def add_ways(studio: RunningStudio, job: Job) -> None:
    """What other ways answered to the rows of a run that `add_tested` made, of which one could not be tried."""
    assert job.finished_at is not None
    made_for = job.finished_at.isoformat()
    config = comparison_config(Run.of(job), Request(("instruction", "lora")), made_for)
    comparison = studio.store.add(
        "other ways", config, job.dataset, job.dataset_name, 2, parent=job.id, kind="comparison", gpus=99
    )
    studio.store.request_stop(comparison.id)
    scores = {row: float(row % 3 > 0) for row in range(40)}
    told = WayResult("instruction", {}, scores, tokens=9, bytes=40, text="Answer with one of: billing, returns.")
    for result in (told, WayResult("lora", problem="PEFT cannot add LoRA to this backbone.")):
        keep_result(result, Home(studio.home).other_ways(job.id), made_for)


def findings(page: Page, where: str) -> list[str]:
    """Each serious or critical finding: where, the rule, the element, and what to do."""
    page.evaluate(f"{AXE}; 0")
    result: dict[str, Any] = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return [
        f"{where}: {violation['id']} at {node['target']}: {' '.join(node['failureSummary'].split())}"
        for violation in result["violations"]
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_finding_of_axe(
    scheme: Literal["light", "dark"], browser: Browser, studio: RunningStudio, tested: Job, tiny_llama: Path
) -> None:
    context = browser.new_context(base_url=studio.url, color_scheme=scheme)
    page, found = context.new_page(), list[str]()
    pages.open_tune(page)
    found += findings(page, "Tune")
    pages.turn_to(page, "All settings")
    pages.set_number(page, "lamp-rank", 2000)
    expect(page.locator("#rail")).to_contain_text("put right")
    found += findings(page, "Tune, all settings")
    page.goto("/runs")
    expect(page.locator(".ls-run").first).to_be_visible()
    found += findings(page, "Runs")
    page.locator("[data-select]").first.check()
    found += findings(page, "Runs, one selected")
    page.get_by_role("button", name="Delete").click()
    found += findings(page, "Runs, asked before one is deleted")
    pages.open_run(page, tested.id)
    for tab in TABS:
        page.locator("#run-tabs").get_by_role("tab", name=tab).click()
        page.wait_for_timeout(500)
        found += findings(page, f"Run, {tab}")
        if tab == "Worth it?":
            expect(page.locator("#worth-table tbody tr").locator("visible=true")).to_have_count(4)
    other = studio.add_ended(str(tiny_llama), JobState.FAILED, "a failed one", error="It failed.")
    pages.open_run(page, other.id)
    found += findings(page, "A failed run")
    page.goto(f"/compare?runs={tested.id},{other.id}")
    expect(page.locator("#compare-scores tbody tr")).to_have_count(2)
    page.get_by_label("Only settings that differ").uncheck()
    found += findings(page, "Compare")
    context.close()
    assert not found, "\n".join(found)


def test_a_problem_is_told_to_screen_readers_at_its_field_until_it_is_put_right(page: Page) -> None:
    pages.open_tune(page)
    pages.turn_to(page, "All settings")
    rank = page.locator("#field-lamp-rank input")
    pages.set_number(page, "lamp-rank", 2000)
    expect(rank).to_have_attribute("aria-invalid", "true")
    expect(rank).to_have_attribute("aria-description", "The rank (2000) is larger than the prompt length (100): "
        "choose a rank of 100 or less, or a longer prompt.")  # fmt: skip
    pages.set_number(page, "lamp-rank", 8)
    expect(rank).not_to_have_attribute("aria-invalid", "true")


def test_no_page_scrolls_sideways_on_a_narrow_phone(browser: Browser, studio: RunningStudio, tested: Job) -> None:
    context = browser.new_context(base_url=studio.url, viewport={"width": 360, "height": 780})
    page, wide = context.new_page(), list[str]()

    def check(where: str) -> None:
        if (width := page.evaluate("document.documentElement.scrollWidth")) > 360:
            wide.append(f"{where}: {width}")

    pages.open_tune(page)
    check("Tune")
    page.locator("#short button").click()
    check("Tune, its card unfolded")
    page.locator("#short button").click()
    pages.turn_to(page, "All settings")
    check("Tune, all settings")
    page.goto("/runs")
    expect(page.locator(".ls-run").first).to_be_visible()
    check("Runs")
    page.get_by_label("Select all shown").check()
    expect(page.get_by_role("group", name="Selected runs")).to_be_visible()
    check("Runs, all selected")
    bar = page.get_by_role("group", name="Selected runs").bounding_box()
    assert bar is not None and bar["x"] >= 0 and bar["x"] + bar["width"] <= 360
    pages.open_run(page, tested.id)
    expect(page.locator("#results li").first).to_be_visible()
    check("Results")
    table = page.locator("#run-scores table").bounding_box()
    assert table is not None and table["x"] + table["width"] <= 360
    for tab in TABS:
        button = page.locator("#run-tabs").get_by_role("tab", name=tab).bounding_box()
        assert button is not None and button["x"] >= 0 and button["x"] + button["width"] <= 360, tab
    page.goto(f"/compare?runs={tested.id},{tested.id}x")
    expect(page.locator("#compared-runs")).to_be_visible()
    check("Compare")
    context.close()
    assert not wide
