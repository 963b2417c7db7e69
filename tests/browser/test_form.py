"""The Tune page speaks of what is filled in now, and that is there again when a person comes back to it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from storage.jobs import JobState
from tests.browser import pages
from tests.browser.studio import RunningStudio


def name(page: Page) -> str:
    pages.turn_to(page, "Start")
    return page.locator("#name input, #name textarea").input_value()


def test_a_form_is_as_it_was_left_until_its_run_is_started(page: Page, studio: RunningStudio, tiny_llama: Path) -> None:
    pages.open_tune(page)
    expect(page.locator("#start-over")).not_to_be_visible()
    pages.choose_backbone(page, str(tiny_llama))
    pages.turn_to(page, "Recipe")
    pages.set_number(page, "train-steps", 2)
    pages.turn_to(page, "Start")
    pages.type_in(page, "name", "left alone")
    expect(page.locator("#rail .ls-tiles")).to_contain_text("2")
    page.goto("/runs")
    expect(page.locator("#disk")).to_contain_text("are free")
    pages.open_tune(page)
    expect(page.locator(".ls-beside")).to_contain_text("Everything is as you left it.")
    expect(page.locator("#rail .ls-facts")).to_contain_text(tiny_llama.name)
    pages.turn_to(page, "Recipe")
    assert pages.number(page, "train-steps") == "2"
    assert name(page) == "left alone"
    pages.start(page)
    assert studio.store.list(1)[0].name == "left alone"
    pages.open_tune(page)
    expect(page.locator("#rail .ls-facts")).to_contain_text("SmolLM2-135M-Instruct")
    expect(page.locator("#start-over")).not_to_be_visible()
    assert name(page) == ""


def test_what_is_said_of_a_form_is_said_of_its_newest_state(page: Page, tiny_llama: Path) -> None:
    """The first of two changes is held up on its way to the server, long after the second one is answered."""
    pages.open_tune(page)
    pages.turn_to(page, "Recipe")
    expect(page.locator("#field-train-steps input")).to_be_visible()
    page.evaluate("""() => {
        const send = window.fetch
        window.heldUp = 0
        window.fetch = async (...given) => {
            if (String(given[0].url ?? given[0]).includes("queue/join") && !window.heldUp++)
                await new Promise((go) => setTimeout(go, 4000))
            return send(...given)
        }
    }""")
    pages.set_number(page, "train-steps", 7)
    page.wait_for_function("window.heldUp > 0")
    pages.choose_backbone(page, str(tiny_llama))
    page.wait_for_timeout(4500)
    expect(page.locator("#rail .ls-facts")).to_contain_text(tiny_llama.name)
    expect(page.locator("#rail .ls-tiles")).to_contain_text("7")


def test_changes_to_another_runs_form_outlive_a_reload_and_can_be_dropped(
    page: Page, studio: RunningStudio, tiny_llama: Path
) -> None:
    job = studio.add_ended(str(tiny_llama), JobState.DONE, "the first one")
    pages.open_tune(page, f"/?from={job.id}")
    pages.turn_to(page, "Recipe")
    pages.set_number(page, "train-steps", 7)
    expect(page.locator("#rail .ls-tiles")).to_contain_text("7")
    page.reload()
    expect(page.locator(".ls-beside")).to_contain_text("the first one: change what you like. Your changes are as you")
    pages.turn_to(page, "Recipe")
    assert pages.number(page, "train-steps") == "7"
    page.locator("#start-over").click()
    expect(page.locator(".ls-beside")).not_to_contain_text("Your changes")
    expect(page.locator(".ls-beside")).to_contain_text("the first one")
    pages.turn_to(page, "Recipe")
    expect(page.locator("#field-train-steps input")).to_have_value("60")
    pages.open_tune(page)
    expect(page.locator(".ls-beside")).not_to_be_visible()
