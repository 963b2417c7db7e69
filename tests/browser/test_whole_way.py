"""From an uploaded table to a downloaded prompt, on the pages alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import pages
from tests.browser.conftest import ADA
from tests.browser.studio import RunningStudio
from tests.hub.server import Hub

NAME = "Films <b>first</b> ${1 + 1} {{value}}"
"""What a template or a browser would make something of."""


def test_a_table_becomes_a_tried_and_downloaded_prompt(
    page: Page, studio: RunningStudio, small_hub: Hub, tiny_llama: Path, films: Path, tmp_path: Path
) -> None:
    pages.open_tune(page)
    pages.choose_backbone(page, str(tiny_llama))
    pages.upload(page, films)
    expect(page.locator("#upload-said")).to_contain_text("films.csv has 60 rows and 2 columns.")
    expect(page.locator("#preview th.ls-col-answers")).to_contain_text("label")
    expect(page.locator("#task .ls-reading").first).to_contain_text("virtual tokens")
    expect(page.locator("#rail")).to_contain_text("pick one of 2 labels")
    pages.turn_to(page, "All settings")
    pages.set_number(page, "train-steps", 30)
    pages.set_number(page, "train-batch-size", 4)
    pages.set_number(page, "train-evaluate-every", 10)
    expect(page.locator("#rail")).to_contain_text(re.compile(r"1,064.*of the model", re.DOTALL))  # 8 (100 + 32 + 1)
    pages.type_in(page, "name", NAME)
    run = pages.start(page)

    expect(page.locator("#run-head h1")).to_have_text(NAME)
    pages.wait_for_state(page, "Done")
    page.reload()
    expect(page.locator("#run-head h1")).to_have_text(NAME)
    assert page.url.endswith(f"/runs?run={run}")
    expect(page.locator("#run-verdict")).to_contain_text(re.compile("Right on [0-9] of 6 rows that it never saw"))
    expect(page.locator("#run-scores")).to_contain_text("Accuracy")
    expect(page.locator("#results li")).to_have_count(6)
    page.locator("#run-tabs").get_by_role("tab", name="Training").click()
    expect(page.locator(".ls-plot .vega-embed :is(svg.marks, canvas)")).to_have_count(2)
    expect(page.locator("#run-rates")).to_contain_text("had the lowest loss on the held-out rows and goes on alone.")
    expect(page.locator("#run-log")).to_contain_text("accuracy")

    page.get_by_role("button", name="Try it").click()
    page.locator("#answer").click()
    expect(page.locator("#answers .ls-problems")).to_contain_text("Write an input first")
    page.locator("#fill").click()
    expect(page.locator("#try-0 textarea")).not_to_have_value("")
    pages.expect_to_show(page, "#answers .ls-moving", lambda: page.locator("#try-0 textarea").press("Control+Enter"))
    expect(page.locator("#answers .ls-label")).to_have_count(2, timeout=60_000)
    bars = page.locator("#answers .ls-prob.ls-tuned em").all_inner_texts()
    assert sum(float(text.rstrip(" %")) for text in bars) == pytest.approx(100, abs=0.2)
    expect(page.locator("#answers")).to_contain_text("The data says")
    pages.expect_to_show(page, "#answers .ls-moving", lambda: page.locator("#try-0 textarea").press("Shift+Enter"))
    pages.type_in(page, "try-0", "a very long film " * 300)
    page.locator("#answer").click()
    expect(page.locator("#answers")).to_contain_text("only 256 tokens of it were read", timeout=60_000)

    page.locator("#run-tabs").get_by_role("tab", name="Use it").click()
    expect(page.locator("#export-files")).to_contain_text("adapter_config.json")
    page.set_viewport_size({"width": 360, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator("#export-files table").evaluate("(table) => table.getBoundingClientRect().right") <= 360
    page.set_viewport_size({"width": 1280, "height": 900})
    with page.expect_download() as waiting:
        page.locator("#download").click()
    assert waiting.value.suggested_filename == "Films-b-first-b-1-1-value.zip"
    waiting.value.save_as(tmp_path / "prompt.zip")
    with zipfile.ZipFile(tmp_path / "prompt.zip") as archive:
        assert json.loads(archive.read("adapter_config.json"))["peft_type"] == "PROMPT_TUNING"
        assert {"adapter_model.safetensors", "lamp_factors.safetensors", "README.md"} <= set(archive.namelist())
    assert studio.store.get(run).state == "done"

    pages.type_in(page, "repository", "ada/films")
    pages.type_in(page, "token", "hf_notAToken")
    page.locator("#publish").click()
    expect(page.locator("#published .ls-problems li")).to_have_count(1)
    expect(page.locator("#token input")).to_have_value("")
    pages.type_in(page, "token", ADA.token)
    page.locator("#publish").click()
    expect(page.locator("#published a")).to_have_attribute("href", f"{small_hub.url}/ada/films", timeout=60_000)
    expect(page.locator("#token input")).to_have_value("")
    assert small_hub.repository("ada/films").private
    assert "adapter_model.safetensors" in small_hub.repository("ada/films").files

    page.locator("#run-tabs").get_by_role("tab", name="About").click()
    begun_from_the_prompt(page, studio, run)
    pages.open_run(page, run, "About")
    pages.type_in(page, "more-steps", "10")
    page.locator("#extend").click()
    page.wait_for_url(lambda address: "/runs?run=" in address and run not in address)
    pages.wait_for_state(page, "Done")
    longer = studio.store.get(page.url.partition("run=")[2])
    assert (longer.parent, longer.step, longer.steps) == (run, 40, 40)
    page.locator("#run-tabs").get_by_role("tab", name="Training").click()
    expect(page.locator("#run-log")).to_contain_text("Going on from the checkpoint at step 30")


def begun_from_the_prompt(page: Page, studio: RunningStudio, run: str) -> None:
    """Another run is started from this one's prompt; a rank that does not fit it is said beside Start first."""
    page.locator("#begin").click()
    page.wait_for_url(re.compile(r"\?start="))
    expect(page.locator("body")).to_contain_text(f"Training starts from the prompt of {NAME}")
    expect(page.locator("#rail")).to_contain_text("Ready to start")
    pages.turn_to(page, "All settings")
    pages.set_number(page, "lamp-rank", 4)
    expect(page.locator("#rail .ls-problems li")).to_contain_text("tokens of rank 8: set the prompt length")
    pages.set_number(page, "lamp-rank", 8)
    expect(page.locator("#rail")).to_contain_text("Ready to start")
    begun = pages.start(page)
    pages.wait_for_state(page, "Done")
    made = studio.store.get(begun)
    assert (made.parent, made.config["lamp"]["initial_prompt"]) == (run, run)


def test_a_run_is_stopped_tried_and_resumed(page: Page, studio: RunningStudio, tiny_llama: Path) -> None:
    pages.open_tune(page)
    pages.choose_backbone(page, str(tiny_llama))
    pages.turn_to(page, "All settings")
    pages.set_number(page, "train-steps", 100_000)
    run = pages.start(page)
    progress = page.locator("#run-head .ls-progress")
    expect(progress).to_contain_text(re.compile(r"Step [\d,]+ of 100,000"), timeout=90_000)
    page.get_by_role("button", name="Stop").click()
    pages.wait_for_state(page, "Stopped")
    step = studio.store.get(run).step
    assert 0 < step < 100_000
    expect(page.get_by_role("button", name="Try it")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    pages.wait_for_state(page, "Running", 60)
    page.get_by_role("button", name="Stop").click()
    pages.wait_for_state(page, "Stopped")
    assert studio.store.get(run).step >= step
    page.locator("#run-tabs").get_by_role("tab", name="About").click()
    expect(page.locator("#run-history li")).to_have_count(8)  # queued, running, stopping, stopped, twice
    expect(page.locator("#run-history")).to_contain_text("Resumed.")


def test_a_data_set_of_the_hub_is_looked_up_and_fetched(page: Page, small_hub: Hub) -> None:
    card = b"---\nconfigs:\n- {config_name: de, data_files: de.csv}\n- {config_name: en, data_files: en.csv}\n---\n"
    rows = "".join(f"film {number},{number % 3}\n" for number in range(30)).encode()
    files = {"README.md": card, "de.csv": b"text,label\ngut,1\n", "en.csv": b"text,mood\n" + rows}
    small_hub.add("acme/tongues", files, "datasets")
    pages.open_tune(page)
    pages.turn_to(page, "The Hub")
    pages.type_in(page, "hub-id", "acme/nothing")
    page.locator("#hub-look").click()
    expect(page.locator("#upload-said")).to_contain_text("The Hub has no data set 'acme/nothing'")
    pages.type_in(page, "hub-id", f"{small_hub.url}/datasets/acme/tongues")
    page.locator("#hub-look").click()
    subset = page.locator("#hub-subset input")
    expect(subset).to_have_value("de")
    subset.click()
    page.get_by_role("option", name="en").click()
    expect(page.locator("#hub-split input")).to_have_value("train")
    page.locator("#hub-fetch").click()
    expect(page.locator("#upload-said")).to_contain_text("tongues en train.parquet has 30 rows and 2 columns.")
    expect(page.locator("#target input")).to_have_value("mood")
    expect(page.locator("#rail")).to_contain_text("pick one of 3 labels")


@pytest.mark.slow
def test_the_sample_on_the_offline_backbone_starts_with_one_click(
    browser: Browser, tmp_path: Path, offline_backbone: Path
) -> None:
    """SmolLM2 on the sample; the recipe is cut down before the click for time alone."""
    studio = RunningStudio(tmp_path / "home")
    shutil.copytree(offline_backbone, studio.home / "backbones" / offline_backbone.name, copy_function=os.link)
    studio.start()
    context = browser.new_context(base_url=studio.url)
    page = context.new_page()
    try:
        page.goto("/runs")
        expect(page.locator("#runs")).to_contain_text("No runs yet")
        page.get_by_role("link", name="Start the first run").click()
        expect(page.locator("#rail")).to_contain_text("Ready to start", timeout=20_000)
        expect(page.locator("#rail")).to_contain_text("SmolLM2-135M-Instruct")
        pages.turn_to(page, "All settings")
        pages.set_number(page, "train-steps", 3)
        pages.set_number(page, "train-batch-size", 2)
        pages.set_number(page, "data-max-validation-rows", 5)
        pages.start(page)
        pages.wait_for_state(page, "Done", 240)
        page.get_by_role("button", name="Try it").click()
        pages.type_in(page, "try-0", "I was charged twice for the same order.")
        page.locator("#answer").click()
        expect(page.locator("#answers .ls-label")).to_have_count(5, timeout=120_000)
    finally:
        context.close()
        studio.end()
