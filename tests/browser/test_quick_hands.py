"""Who is quicker than the studio's answers gets what was chosen last, and one run."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser import pages
from tests.browser.studio import RunningStudio


def test_the_preset_that_was_chosen_last_holds_while_earlier_changes_are_answered(page: Page) -> None:
    pages.open_tune(page)
    pages.turn_to(page, "All settings")
    steps = page.locator("#field-train-steps input")
    expect(steps).to_be_visible()
    pages.hold_up(page)
    pages.set_number(page, "lamp-rank", 7)
    page.get_by_label("Thorough").check()
    page.get_by_label("Quick look").check()
    expect(steps).to_have_value("60")
    page.evaluate("""() => {
        window.othersShown = []
        setInterval(() => {
            const shown = document.querySelector('#preset input:checked')?.value
            if (shown !== 'Quick look') window.othersShown.push(shown)
        }, 5)
        letGo()
    }""")
    expect(page.locator("#script")).to_contain_text('"steps": 60')
    page.wait_for_timeout(300)
    expect(page.get_by_label("Quick look")).to_be_checked()
    assert page.evaluate("window.othersShown") == []
    pages.set_number(page, "train-steps", 61)
    expect(page.locator("#preset input:checked")).to_have_count(0)
    pages.set_number(page, "train-steps", 60)
    expect(page.get_by_label("Quick look")).to_be_checked()


def test_of_two_samples_the_later_is_chosen_and_started_once_whatever_is_still_unanswered(
    page: Page, studio: RunningStudio, tiny_llama: Path
) -> None:
    pages.open_tune(page)
    pages.choose_backbone(page, str(tiny_llama))
    pages.turn_to(page, "All settings")
    pages.set_number(page, "train-steps", 3)
    expect(page.locator("#rail .ls-tiles")).to_contain_text("Steps3")
    pages.hold_up(page, 2)
    page.get_by_label("Support tickets").check()
    page.get_by_label("Plain English").check()
    pages.type_in(page, "name", "once")
    page.locator("#start").dblclick()
    page.wait_for_url("**/runs?run=*")
    (run,) = (job for job in studio.store.list(100) if job.name == "once")
    assert run.dataset == "sample:plain-english.csv"
    assert (run.config["data"]["input_columns"], run.config["data"]["target_column"]) == (["text"], "plain")


def test_what_is_typed_while_the_page_opens_stays(page: Page) -> None:
    page.add_init_script("""
        const send = window.fetch, held = new Promise((go) => { window.letGo = go })
        window.fetch = async (...given) => {
            if (String(given[0].url ?? given[0]).includes('run/predict')) await held
            return send(...given)
        }""")
    page.goto("/")
    box = page.locator("#name textarea")
    box.fill("typed early")
    page.evaluate("letGo()")
    expect(page.locator("#preview table")).to_be_visible()
    expect(box).to_have_value("typed early")
