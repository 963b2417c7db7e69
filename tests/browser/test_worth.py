"""Is it worth it: a run's prompt is compared with other ways, on its page."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from gradio_client import Client
from playwright.sync_api import Page, expect

from tests.browser import pages
from tests.browser.studio import RunningStudio, recipe


def test_a_prompt_is_compared_with_other_ways_and_the_page_says_what_it_means(
    page: Page, studio: RunningStudio, tiny_llama: Path
) -> None:
    data = "sample:support-tickets.csv"
    job = studio.store.add("compared", recipe(str(tiny_llama), 4).to_dict(), data, "support-tickets.csv", 4)
    pages.open_run(page, job.id, "Worth it?")
    expect(page.locator("#not-compared")).to_contain_text("Nothing to compare yet")
    pages.wait_for_state(page, "Done")
    page.locator("#run-tabs").get_by_role("tab", name="Worth it?").click()
    instruction = page.locator("#worth-instruction textarea")
    expect(instruction).to_have_value(re.compile("^Answer with one of: .*billing.*[.]$"))
    expect(page.locator("#worth-cost")).to_contain_text("in the background")
    for way in ("Examples in the prompt", "A plain prompt of 5 times as many"):
        page.get_by_label(way).uncheck()
    instruction.fill("")
    instruction.fill("Sort the ticket.")
    pages.expect_to_show(page, "#worth-progress [role=progressbar]", page.locator("#worth-start").click)
    rows = page.locator("#worth-table tbody tr")
    expect(rows).to_have_count(5, timeout=120_000)
    expect(page.locator("#worth-csv")).to_be_visible(timeout=60_000)
    expect(page.locator("#worth-sentence .ls-notice")).to_be_visible()
    expect(page.locator("#worth-picture .ls-way")).to_have_count(5)
    expect(rows.last).to_contain_text("LoRA, rank 8")
    with page.expect_download() as download:
        page.locator("#worth-csv").click()
    assert download.value.suggested_filename == "compared-other-ways.csv"
    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as table:
        assert [row["text"].strip() for row in csv.DictReader(table)][2] == "Sort the ticket."
    page.goto("/runs")
    expect(page.locator("#runs")).to_contain_text("compared")
    expect(page.locator("#runs")).not_to_contain_text("other ways")

    told = Client(studio.url, verbose=False).predict(job.id, api_name="/ways")
    assert [way["way"] for way in told["ways"]] == ["lamp", "untrained", "instruction", "plain", "lora"]
    assert told["sentence"] and told["ways"][0]["tokens"] == 4


def test_a_comparison_without_an_instruction_or_a_way_is_refused_in_a_sentence(
    page: Page, studio: RunningStudio, tiny_llama: Path
) -> None:
    data = "sample:support-tickets.csv"
    job = studio.store.add("refused", recipe(str(tiny_llama), 2).to_dict(), data, "support-tickets.csv", 2)
    pages.open_run(page, job.id)
    pages.wait_for_state(page, "Done")
    page.locator("#run-tabs").get_by_role("tab", name="Worth it?").click()
    boxes = page.locator("#worth-ways input")
    for number in range(5):
        boxes.nth(number).uncheck()
    expect(page.locator("#worth-cost")).to_contain_text("Choose at least one way.")
    page.locator("#worth-start").click()
    expect(page.locator("#worth-said")).to_contain_text("Choose at least one way to compare with.")
    expect(page.locator("#worth-start")).to_be_enabled()
