"""The Tune page speaks of what is filled in now, and that is there again when a person comes back to it."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from storage.jobs import JobState
from tests.browser import pages
from tests.browser.studio import RunningStudio


def name(page: Page) -> str:
    return page.locator("#name input, #name textarea").input_value()


def test_a_form_is_as_it_was_left_until_its_run_is_started(page: Page, studio: RunningStudio, tiny_llama: Path) -> None:
    pages.open_tune(page)
    expect(page.locator("#start-over")).not_to_be_visible()
    pages.choose_backbone(page, str(tiny_llama))
    pages.turn_to(page, "All settings")
    pages.set_number(page, "train-steps", 2)
    pages.type_in(page, "name", "left alone")
    expect(page.locator("#rail .ls-tiles")).to_contain_text("2")
    page.goto("/runs")
    expect(page.locator("#disk")).to_contain_text("are free")
    pages.open_tune(page)
    expect(page.locator(".ls-beside")).to_contain_text("Everything is as you left it.")
    expect(page.locator("#rail .ls-facts")).to_contain_text(tiny_llama.name)
    pages.turn_to(page, "All settings")
    assert pages.number(page, "train-steps") == "2"
    assert name(page) == "left alone"
    pages.start(page)
    assert studio.store.list(1)[0].name == "left alone"
    pages.open_tune(page)
    expect(page.locator("#rail .ls-facts")).to_contain_text("SmolLM2-135M-Instruct")
    expect(page.locator("#start-over")).not_to_be_visible()
    assert name(page) == ""


def test_what_is_said_of_a_form_is_said_of_its_newest_state(page: Page, tiny_llama: Path) -> None:
    """The first of two changes is held up on its way to the server, while the second one is made."""
    pages.open_tune(page)
    pages.turn_to(page, "All settings")
    expect(page.locator("#field-train-steps input")).to_be_visible()
    pages.hold_up(page)
    pages.set_number(page, "train-steps", 7)
    page.wait_for_function("window.heldUp > 0")
    pages.choose_backbone(page, str(tiny_llama))
    page.wait_for_timeout(1000)
    page.evaluate("window.letGo()")
    expect(page.locator("#rail .ls-facts")).to_contain_text(tiny_llama.name)
    expect(page.locator("#rail .ls-tiles")).to_contain_text("7")


def test_changes_to_another_runs_form_outlive_a_reload_and_can_be_dropped(
    page: Page, studio: RunningStudio, tiny_llama: Path
) -> None:
    job = studio.add_ended(str(tiny_llama), JobState.DONE, "the first one")
    pages.open_tune(page, f"/?from={job.id}")
    pages.turn_to(page, "All settings")
    pages.set_number(page, "train-steps", 7)
    expect(page.locator("#rail .ls-tiles")).to_contain_text("7")
    page.reload()
    expect(page.locator(".ls-beside")).to_contain_text("the first one: change what you like. Your changes are as you")
    pages.turn_to(page, "All settings")
    assert pages.number(page, "train-steps") == "7"
    page.locator("#start-over").click()
    expect(page.locator(".ls-beside")).not_to_contain_text("Your changes")
    expect(page.locator(".ls-beside")).to_contain_text("the first one")
    pages.turn_to(page, "All settings")
    expect(page.locator("#field-train-steps input")).to_have_value("60")
    pages.open_tune(page)
    expect(page.locator(".ls-beside")).not_to_be_visible()


def test_another_data_set_is_looked_at_with_its_own_columns(page: Page, tiny_llama: Path) -> None:
    pages.open_tune(page)
    pages.choose_backbone(page, str(tiny_llama))
    expect(page.locator("#start")).to_be_enabled()
    expect(page.locator("#target input")).to_have_value("label")
    page.locator("#dataset input").click()
    page.get_by_role("option", name="plain-english").click()
    expect(page.locator("#rail .ls-facts")).to_contain_text("plain-english.csv")
    assert page.locator("#rail .ls-problems").count() == 0
    expect(page.locator("#rail")).to_contain_text("Ready to start")
    expect(page.locator("#target input")).to_have_value("plain")
    expect(page.locator("#preview th.ls-col-answers")).to_contain_text("plain")
    expect(page.get_by_test_id("toast-body")).to_have_count(0)


def test_the_keyboard_sees_and_changes_the_chosen_model(page: Page) -> None:
    pages.open_tune(page)
    chosen = page.locator("#backbone label:has(input:checked)")
    first = chosen.inner_text()
    page.locator("#backbone").evaluate("(cards) => { cards.before(document.createElement('button')) }")
    page.locator("#section-model button").first.focus()
    page.keyboard.press("Tab")
    expect(page.locator("#backbone input:checked")).to_be_focused()
    assert chosen.evaluate("(label) => getComputedStyle(label).outlineStyle") == "solid"
    page.keyboard.press("ArrowDown")
    expect(chosen).not_to_have_text(first)
    expect(page.locator("#backbone input:checked")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(chosen).to_have_text(first, use_inner_text=True)


def test_each_tab_has_a_draft_of_its_own(page: Page, tiny_llama: Path) -> None:
    other = page.context.new_page()
    for opened, number in ((page, 7), (other, 9)):
        pages.open_tune(opened)
        expect(opened.locator("#start-over")).not_to_be_visible()
        pages.choose_backbone(opened, str(tiny_llama))
        pages.turn_to(opened, "All settings")
        pages.set_number(opened, "train-steps", number)
        expect(opened.locator("#rail .ls-tiles")).to_contain_text(f"Steps{number}")
    for opened, steps in ((page, "7"), (other, "9")):
        opened.reload()
        expect(opened.locator(".ls-beside")).to_contain_text("as you left it")
        pages.turn_to(opened, "All settings")
        expect(opened.locator("#field-train-steps input")).to_have_value(steps)
    other.close()


def test_a_decimal_comma_is_read_and_one_between_thousands_is_refused(page: Page, tiny_llama: Path) -> None:
    pages.open_tune(page)
    pages.choose_backbone(page, str(tiny_llama))
    pages.turn_to(page, "All settings")
    box = page.locator("#field-train-warmup-share input")
    box.click()
    box.fill("")
    box.press_sequentially("0,04")
    box.blur()
    expect(page.locator("#script")).to_contain_text('"warmup_share": 0.04')
    expect(page.locator("#start")).to_be_enabled()
    pages.type_in(page, "field-train-steps", "1,000")
    expect(page.locator("#rail .ls-problems li")).to_have_text("Steps must be a number without commas, not '1,000'.")
    expect(page.locator("#start")).to_be_disabled()
    assert "without commas" in pages.mark(page, "#field-train-steps")
    page.locator("#advanced > button").click()  # folded, and unfolded by the link
    expect(page.locator("#field-train-steps")).not_to_be_visible()
    page.locator("#rail .ls-problems a").click()
    expect(page.locator("#field-train-steps input")).to_be_focused()
    pages.set_number(page, "train-steps", 1000)
    expect(page.locator("#start")).to_be_enabled()
    assert pages.mark(page, "#field-train-steps") == "none"


def test_a_recipe_is_saved_as_a_file_and_opened_from_one(page: Page, tmp_path: Path) -> None:
    pages.open_tune(page)
    pages.turn_to(page, "All settings")
    pages.set_number(page, "train-steps", 77)
    with page.expect_download() as download:
        page.locator("#save-recipe").click()
    assert download.value.suggested_filename == "recipe.json"
    recipe = json.loads(Path(download.value.path()).read_text())
    assert recipe["train"]["steps"] == 77
    recipe["train"]["steps"] = 78
    (tmp_path / "mine.json").write_text(json.dumps(recipe))
    page.locator("#open-recipe").locator("xpath=..").locator("input[type=file]").set_input_files(tmp_path / "mine.json")
    expect(page.locator("#recipe-said")).to_contain_text("mine.json is opened.")
    expect(page.locator("#field-train-steps input")).to_have_value("78")
    (tmp_path / "odd.json").write_text("no json")
    page.locator("#open-recipe").locator("xpath=..").locator("input[type=file]").set_input_files(tmp_path / "odd.json")
    expect(page.locator("#recipe-said")).to_contain_text("odd.json was not opened.")
    expect(page.locator("#field-train-steps input")).to_have_value("78")
