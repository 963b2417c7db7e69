"""What one run's page and the list show, and what can be done with a run."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from storage.home import Home
from storage.jobs import JobState
from tests.browser import pages
from tests.browser.studio import RunningStudio, recipe

WHY = "The loss became nan at step 41 with a learning rate of 5: try a smaller one, or the precision fp32."
SCORES = {"accuracy": 0.9, "untrained_accuracy": 0.5, "loss": 0.4, "untrained_loss": 1.1}


def test_a_failed_run_says_why_in_one_sentence_with_the_log_folded_beneath(
    page: Page, studio: RunningStudio, tiny_llama: Path
) -> None:
    job = studio.add_ended(str(tiny_llama), JobState.FAILED, error=WHY)
    pages.open_run(page, job.id)
    expect(page.locator("#run-trouble .ls-notice")).to_have_text(f"This run failed. {WHY}")
    end = page.locator("#run-trouble pre")
    expect(end).not_to_be_visible()
    page.get_by_text("The end of the log").click()
    expect(end).to_contain_text("the very last line of the log")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def test_a_run_without_steps_says_that_its_curve_comes_later(
    page: Page, studio: RunningStudio, tiny_llama: Path
) -> None:
    job = studio.store.add("early", recipe(str(tiny_llama), 60).to_dict(), "sample:x.csv", "x.csv", 60, gpus=99)
    pages.open_run(page, job.id)
    expect(page.locator("#run-waiting")).to_be_visible()
    expect(page.locator("#run-waiting")).to_contain_text("No curve yet")
    studio.store.request_stop(job.id)


def test_an_unknown_run_is_one_sentence(page: Page) -> None:
    page.goto("/runs?run=0123456789")
    expect(page.locator("#run-head")).to_contain_text("This run cannot be shown")
    expect(page.locator("#run-head")).to_contain_text("0123456789")
    expect(page.locator("#run-tabs")).not_to_be_visible()


def test_an_address_with_a_run_leads_to_its_page(page: Page, studio: RunningStudio, tiny_llama: Path) -> None:
    job = studio.add_ended(str(tiny_llama), JobState.STOPPED, "led here")
    page.goto(f"/?run={job.id}")
    expect(page.locator("#run-head h1")).to_have_text("led here")
    assert page.url.endswith(f"/runs?run={job.id}")


def test_name_tags_and_note_are_kept_and_found(page: Page, studio: RunningStudio, tiny_llama: Path) -> None:
    job = studio.add_ended(str(tiny_llama), JobState.DONE, scores=SCORES)
    pages.open_run(page, job.id, "About")
    expect(page.locator("#run-name input, #run-name textarea")).to_have_value("a run of before")
    pages.type_in(page, "run-name", "Heliotrope")
    pages.type_in(page, "run-tags", "violet, for Ada")
    pages.type_in(page, "run-note", "It smells of almonds.")
    page.locator("#save").click()
    expect(page.locator("#run-head h1")).to_have_text("Heliotrope")
    expect(page.locator("#run-head .ls-tag")).to_have_text(["for Ada", "violet"])
    expect(page.locator("#run-head .ls-note")).to_have_text("It smells of almonds.")
    page.goto("/runs")
    expect(page.locator(".ls-run").first).to_be_visible()
    pages.type_in(page, "search", "VIOLET helio")
    expect(page.locator(".ls-run")).to_have_count(1)
    expect(page.locator(".ls-run .ls-run-score")).to_contain_text("90.0 %")
    page.get_by_label("Ended early").check()
    expect(page.locator("#runs")).to_contain_text("No run matches")


def test_a_run_that_is_worse_than_no_prompt_says_so(page: Page, studio: RunningStudio, tiny_llama: Path) -> None:
    worse = {"accuracy": 0.4, "untrained_accuracy": 0.5}
    job = studio.add_ended(str(tiny_llama), JobState.DONE, "a poor one", scores=worse)
    pages.open_run(page, job.id)
    expect(page.locator("#run-verdict")).to_contain_text("Worse than the untrained model.")
    expect(page.locator("#run-verdict")).to_contain_text("try ")
    expect(page.locator("#run-head .ls-head .ls-pill")).to_have_class(re.compile("ls-warn"))


def test_a_tab_has_the_studios_title_and_icon_and_a_run_its_name(
    page: Page, studio: RunningStudio, tiny_llama: Path
) -> None:
    job = studio.add_ended(str(tiny_llama), JobState.DONE, "a titled one", scores=SCORES)
    for address, title in (("/", "LAMP Studio"), ("/runs", "LAMP Studio")):
        page.goto(address)
        expect(page).to_have_title(title)
    pages.open_run(page, job.id)
    expect(page).to_have_title("a titled one · LAMP Studio")
    icon = page.locator("link[rel~=icon]").first.evaluate("(link) => link.href")
    assert "#f5a524" in page.request.get(icon).text()


def test_a_log_has_the_times_of_the_viewers_clock(browser: Browser, studio: RunningStudio, tiny_llama: Path) -> None:
    job = studio.add_ended(str(tiny_llama), JobState.DONE, scores=SCORES)
    Home(studio.home).log(job.id).write_text(f"{datetime.now(UTC):%Y-%m-%d}T12:00:09Z the last line\n")
    context = browser.new_context(base_url=studio.url, timezone_id="Asia/Kolkata")
    page = context.new_page()
    pages.open_run(page, job.id, "Training")
    expect(page.locator("#run-log")).to_contain_text("17:30:09 the last line")
    context.close()


def test_a_run_can_be_started_again_with_changes(page: Page, studio: RunningStudio, tiny_llama: Path) -> None:
    job = studio.add_ended(str(tiny_llama), JobState.DONE, "the first one", scores=SCORES)
    pages.open_run(page, job.id)
    page.get_by_role("link", name="Start again with changes").or_(
        page.get_by_role("button", name="Start again with changes")
    ).first.click()
    expect(page.locator("#rail")).to_contain_text("Ready to start")
    expect(page.locator("body")).to_contain_text("Filled in from the run the first one")
    pages.turn_to(page, "All settings")
    assert pages.number(page, "train-steps") == "60" and pages.number(page, "lamp-rank") == "4"
    pages.set_number(page, "train-steps", 2)
    run = pages.start(page)
    made = studio.store.get(run)
    assert made.parent == job.id and made.steps == 2 and made.dataset == job.dataset
    assert made.config["lamp"]["rank"] == 4


def test_the_queue_shows_places_and_lets_one_go_first(page: Page, studio: RunningStudio, tiny_llama: Path) -> None:
    waiting = [
        studio.store.add(
            f"waits {number}",
            recipe(str(tiny_llama), 5).to_dict(),
            "sample:support-tickets.csv",
            "support-tickets.csv",
            5,
            gpus=99,
        )
        for number in range(2)
    ]
    try:
        pages.open_run(page, waiting[1].id)
        expect(page.locator("#run-head .ls-progress")).to_contain_text("number 2 in the queue")
        page.get_by_role("button", name="Move up in the queue").click()
        expect(page.locator("#run-head .ls-progress")).to_contain_text("next in the queue")
        page.get_by_role("button", name="Stop").click()
        pages.wait_for_state(page, "Stopped")
    finally:
        for job in waiting:
            studio.store.request_stop(job.id)


def test_a_page_asks_only_while_its_run_goes_on_and_its_tab_is_seen(
    page: Page, studio: RunningStudio, tiny_llama: Path
) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        if re.search(r"/(run|queue)/", request.url) and request.method == "POST":
            asked.append(request.url)

    page.on("request", note)
    job = studio.store.add(
        "waits", recipe(str(tiny_llama), 5).to_dict(), "sample:support-tickets.csv", "s.csv", 5, gpus=99
    )

    def hide(hidden: bool) -> None:
        page.evaluate(
            "(value) => { Object.defineProperty(document, 'hidden', {value, configurable: true});"
            "document.dispatchEvent(new Event('visibilitychange')) }",
            hidden,
        )

    pages.open_run(page, job.id)
    page.wait_for_timeout(4000)
    assert len(asked) >= 4
    hide(True)
    page.wait_for_timeout(1500)
    asked.clear()
    page.wait_for_timeout(3000)
    assert asked == []
    hide(False)
    deadline = time.monotonic() + 60
    while len(asked) < 12 and time.monotonic() < deadline:  # being seen again asks some five times, and no more
        page.wait_for_timeout(500)
    assert len(asked) >= 12, "a page that is seen again goes on"
    hide(True)
    page.wait_for_timeout(1500)
    studio.store.request_stop(job.id)
    hide(False)
    pages.wait_for_state(page, "Stopped")
    page.wait_for_timeout(1500)
    asked.clear()
    page.wait_for_timeout(3000)
    assert asked == []


def test_a_run_that_ends_leaves_the_reader_at_the_chosen_tab_as_does_a_reload(
    page: Page, studio: RunningStudio, tiny_llama: Path
) -> None:
    job = studio.store.add("ends", recipe(str(tiny_llama), 5).to_dict(), "sample:x.csv", "x.csv", 5, gpus=99)
    pages.open_run(page, job.id)
    expect(page.get_by_role("tab", name="Training")).to_have_attribute("aria-selected", "true")
    assert "tab=" not in page.url
    page.get_by_role("tab", name="About").click()
    page.locator("#run-note textarea").fill("a thought that is not fin")
    studio.store.request_stop(job.id)
    pages.wait_for_state(page, "Stopped")
    expect(page.get_by_role("tab", name="About")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#run-note textarea")).to_have_value("a thought that is not fin")
    page.reload()
    expect(page.get_by_role("tab", name="About")).to_have_attribute("aria-selected", "true")


def test_the_whole_log_is_searched_on_the_runs_page(page: Page, studio: RunningStudio, tiny_llama: Path) -> None:
    job = studio.add_ended(str(tiny_llama), JobState.DONE, "searched")
    log = Home(studio.home).log(job.id)
    lines = ["2026-05-01T12:00:00Z Step 1: the needle", *("2026-05-01T12:00:01Z more" for _ in range(500))]
    log.write_text("\n".join(lines) + "\n", encoding="utf-8")
    pages.open_run(page, job.id, "Training")
    expect(page.locator("#run-log")).not_to_contain_text("needle")
    pages.type_in(page, "search-log", "NEEDLE step")
    expect(page.locator("#run-log pre")).to_have_text(re.compile("^.{0,16}:00:00 Step 1: the needle$"))
    pages.type_in(page, "search-log", "needle haystack")
    expect(page.locator("#run-log")).to_contain_text("No line of the log has these words.")


def test_a_link_opens_a_run_at_its_tab(page: Page, studio: RunningStudio, tiny_llama: Path) -> None:
    job = studio.add_ended(str(tiny_llama), JobState.DONE, "linked")
    page.goto(f"/runs?run={job.id}&tab=worth")
    expect(page.get_by_role("tab", name="Worth it?")).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="Training").click()
    expect(page).to_have_url(re.compile(f"run={job.id}&tab=training$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_fits_and_follows_the_colour_scheme(
    scheme: str, width: int, page: Page, studio: RunningStudio, tiny_llama: Path, tmp_path: Path
) -> None:
    job = studio.add_ended(str(tiny_llama), JobState.STOPPED, "a" * 60 + " and a name that goes on", scores=SCORES)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 900})
    for address, marker in (("/", "#preview table"), ("/runs", ".ls-run"), (f"/runs?run={job.id}", "#run-head h1")):
        page.goto(address)
        expect(page.locator(marker).first).to_be_visible()
        for tab in page.get_by_role("tab").all():
            if tab.is_visible():
                tab.click()
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (address, tab.inner_text())
        shot = tmp_path / "shot.png"
        page.screenshot(path=shot)
        assert brightness(shot) > 0.8 if scheme == "light" else brightness(shot) < 0.3


def brightness(path: Path) -> float:
    """Mean of a picture between 0, black, and 1, white."""
    from PIL import Image, ImageStat

    with Image.open(path) as picture:
        return float(ImageStat.Stat(picture.convert("L")).mean[0]) / 255
