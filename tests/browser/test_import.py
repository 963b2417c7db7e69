"""A prompt of the Hub is imported on the Runs page, scored, looked into, and published with an edited card."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import pages
from tests.browser.conftest import ADA
from tests.browser.studio import RunningStudio
from tests.foreign_prompts import adapter, exported, zipped
from tests.hub.server import Hub

pytestmark = pytest.mark.slow


def test_a_prompt_is_imported_scored_looked_into_and_published(
    page: Page, studio: RunningStudio, small_hub: Hub, tiny_llama: Path, films: Path, tmp_path: Path
) -> None:
    small_hub.add("ada/shared-films", exported(str(tiny_llama)))
    page.goto("/runs")
    page.locator("#import").get_by_role("button", name="Import a prompt").click()
    pages.type_in(page, "import-id", "ada/nothing-here")
    page.locator("#import-take").click()
    expect(page.locator("#imported .ls-problems li")).to_have_text(
        "The Hub has no prompt 'ada/nothing-here': check the spelling; if it is private, set HF_TOKEN to a token that "
        "may read it."
    )
    pages.type_in(page, "import-id", "ada/shared-films")
    page.locator("#import-take").click()
    expect(page.locator("#imported a")).to_have_text("Open shared-films", timeout=60_000)
    expect(page.locator("#runs .ls-run").filter(has_text="shared-films").locator(".ls-pill")).to_have_text("Imported")
    page.locator("#imported a").click()
    expect(page.locator("#run-verdict")).to_contain_text("Its scores are those of its maker")

    dataset = studio_dataset(page, films)
    page.locator("#score-data input").click()
    page.get_by_role("option", name=dataset).click()
    expect(page.locator("#score-target input")).to_have_value("label")
    page.locator("#score").click()
    expect(page.locator("#run-verdict")).to_contain_text("Right on", timeout=120_000)
    expect(page.locator("#run-scores")).to_contain_text("it may have seen these rows")
    expect(page.locator("#results")).to_contain_text("60")

    page.locator("#run-tabs").get_by_role("tab", name="Inspect").click()
    page.locator("#look").click()
    expect(page.locator("#inspected-tokens tbody tr")).to_have_count(4, timeout=120_000)

    page.locator("#run-tabs").get_by_role("tab", name="Use it").click()
    pages.type_in(page, "token", ADA.token)
    page.locator("#token input").blur()
    expect(page.locator("#repository input")).to_have_value("ada/shared-films")
    page.locator("#card-fold").get_by_role("button", name="Model card").click()
    expect(page.locator("#card")).to_contain_text("prompt-tuning")
    page.locator("#card .cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("My own words.")
    page.get_by_label("Private: only you can see it").uncheck()
    page.locator("#publish").click()
    expect(page.locator("#published")).to_contain_text("is there already", timeout=60_000)
    page.locator("#publish-propose").click()
    expect(page.locator("#published a")).to_have_attribute(
        "href", f"{small_hub.url}/ada/shared-films/discussions/1", timeout=60_000
    )
    (proposed,) = small_hub.repository("ada/shared-films").proposals
    assert b"My own words." in proposed.files["README.md"]
    expect(page.locator("#token input")).to_have_value("")


def test_a_zip_of_another_program_is_imported_with_what_is_said_of_it_also_on_a_phone(
    page: Page, studio: RunningStudio, tiny_llama: Path, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/runs")
    page.locator("#import").get_by_role("button", name="Import a prompt").click()
    page.locator("#import-zip input[type=file]").set_input_files(zipped(tmp_path / "other.zip", adapter("/nowhere/x")))
    expect(page.locator("#import-zip")).to_contain_text("other")
    page.locator("#import-take").click()
    expect(page.locator("#imported .ls-problems li")).to_contain_text(
        "a folder that is not on this machine", timeout=60_000
    )
    pages.type_in(page, "import-backbone", str(tiny_llama))
    page.locator("#import-labels textarea").fill("no\nyes")
    page.locator("#import-take").click()
    expect(page.locator("#imported a")).to_have_text("Open other", timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    (job,) = [job for job in studio.store.list() if job.name == "other"]
    assert job.kind == "imported" and job.config["data"]["task"] == "classification"


def studio_dataset(page: Page, table: Path) -> str:
    """Adds a data set by the HTTP API, and opens the page anew. Returns its name."""
    from gradio_client import Client, handle_file

    address = page.url
    Client(address.partition("/runs")[0], verbose=False).predict(handle_file(str(table)), api_name="/upload_dataset")
    page.goto(address)
    expect(page.locator("#score-data")).to_be_visible()
    return table.name
