"""The Tune page is one page: a table is given, its columns are told apart, and presets are chosen, as people do it."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser import pages
from tests.browser.studio import RunningStudio

PASTED = "subject\tbody\tdesk\n" + "".join(f"Order {n}\tIt is late\t{('post', 'bank')[n % 2]}\n" for n in range(30))


def paste(page: Page, where: str, text: str) -> None:
    """Pastes a text while this element has the focus."""
    page.locator(where).evaluate(
        """(element, text) => {
            const pasted = new DataTransfer()
            pasted.setData('text/plain', text)
            const event = new ClipboardEvent('paste', {clipboardData: pasted, bubbles: true, cancelable: true})
            element.dispatchEvent(event)
        }""",
        text,
    )


def role(page: Page, column: str) -> str:
    return page.locator(f"#preview select[data-column={column}]").input_value()


def test_pasted_rows_become_a_data_set_whose_columns_are_told_apart_in_the_table(page: Page) -> None:
    pages.open_tune(page)
    paste(page, "#name textarea, #name input", PASTED)
    expect(page.locator("#dataset input")).to_have_value("support-tickets.csv · 451 rows")
    paste(page, "#ls-paste", PASTED)
    expect(page.locator("#upload-said")).to_contain_text("pasted rows.tsv has 30 rows and 3 columns.")
    expect(page.locator("#dataset input")).to_have_value("pasted rows.tsv · 30 rows")
    expect(page.locator("#task")).to_contain_text("Reads subject and body, picks one of 2 labels of desk.")
    assert [role(page, name) for name in ("subject", "body", "desk")] == ["reads", "reads", "answers"]

    body = page.locator("#preview select[data-column=body]")
    body.focus()
    page.keyboard.type("i")
    expect(page.locator("#task")).to_contain_text("Reads subject, picks one of 2 labels of desk.")
    expect(body).to_be_focused()
    page.locator("#preview select[data-column=subject]").select_option("answers")
    expect(page.locator("#rail .ls-problems")).to_contain_text("Choose at least one input column.")
    assert role(page, "desk") == "ignored"
    assert "Choose at least one input column." in pages.mark(page, "#preview")
    page.locator("#preview select[data-column=desk]").select_option("reads")
    expect(page.locator("#task")).to_contain_text("Reads desk, ")
    pages.turn_to(page, "All settings")
    expect(page.locator("#script")).to_contain_text('"target_column": "subject"')


def test_a_dropped_file_and_a_sample_are_chosen_like_any_other(page: Page) -> None:
    pages.open_tune(page)
    page.get_by_label("Plain English").check()
    expect(page.locator("#task")).to_contain_text("Reads text, writes plain.")
    expect(page.locator("#dataset input")).to_have_value("plain-english.csv · 139 rows")
    page.locator("#drop .ls-drop").evaluate(
        """(zone, rows) => {
            const dropped = new DataTransfer()
            dropped.items.add(new File([rows], 'desks.tsv'))
            zone.dispatchEvent(new DragEvent('drop', {dataTransfer: dropped, bubbles: true, cancelable: true}))
        }""",
        PASTED,
    )
    expect(page.locator("#upload-said")).to_contain_text("desks.tsv has 30 rows and 3 columns.")
    expect(page.locator("#samples input:checked")).to_have_count(0)


def test_a_preset_changes_the_run_while_the_settings_are_folded(page: Page, tiny_llama: Path) -> None:
    pages.open_tune(page)
    pages.choose_backbone(page, str(tiny_llama))
    expect(page.locator("#rail .ls-facts")).to_contain_text(tiny_llama.name)
    page.get_by_label("Thorough").check()
    expect(page.locator("#rail .ls-tiles")).to_contain_text("Steps1,000")
    pages.turn_to(page, "All settings")
    expect(page.locator("#field-train-steps input")).to_have_value("1000")
    pages.set_number(page, "train-steps", 70)
    expect(page.locator("#preset input:checked")).to_have_count(0)


def test_a_preset_of_ones_own_is_kept_in_the_browser_until_it_is_removed(page: Page, tiny_llama: Path) -> None:
    pages.open_tune(page)
    pages.turn_to(page, "All settings")
    pages.set_number(page, "train-steps", 123)
    pages.set_number(page, "lamp-rank", 5)
    pages.type_in(page, "preset-name", "Mine <b>")
    page.locator("#keep-preset").click()
    expect(page.locator("#presets li")).to_have_count(1)
    page.evaluate("sessionStorage.clear()")
    pages.open_tune(page)
    pages.choose_backbone(page, str(tiny_llama))
    expect(page.locator("#rail .ls-tiles")).to_contain_text("Steps200")
    page.get_by_role("button", name="Mine <b>", exact=True).click()
    expect(page.locator("#rail .ls-tiles")).to_contain_text("Steps123")
    pages.turn_to(page, "All settings")
    expect(page.locator("#field-lamp-rank input")).to_have_value("5")
    page.get_by_role("button", name="Remove the preset Mine <b>").click()
    expect(page.locator("#presets li")).to_have_count(0)
    assert page.evaluate("localStorage.getItem('lamp-studio-presets')") == "{}"


def test_a_recipe_for_other_columns_says_which_are_not_there(page: Page, tmp_path: Path, tiny_llama: Path) -> None:
    recipe = {
        "backbone": str(tiny_llama),
        "data": {"input_columns": ["subject"], "target_column": "label"},
        "train": {"steps": 78},
    }
    (tmp_path / "other.json").write_text(json.dumps(recipe))
    pages.open_tune(page)
    pages.turn_to(page, "All settings")
    box = page.locator("#open-recipe").locator("xpath=..").locator("input[type=file]")
    box.set_input_files(tmp_path / "other.json")
    expect(page.locator("#recipe-said")).to_contain_text("The data set has no column 'subject': 'text' is read")
    expect(page.locator("#rail .ls-tiles")).to_contain_text("Steps78")
    assert role(page, "text") == "reads"


def test_on_a_phone_a_problem_leads_from_the_bar_to_its_field(
    browser: Browser, studio: RunningStudio, tiny_llama: Path
) -> None:
    context = browser.new_context(base_url=studio.url, viewport={"width": 390, "height": 780})
    page = context.new_page()
    pages.open_tune(page)
    pages.choose_backbone(page, str(tiny_llama))
    expect(page.locator("#start")).to_be_in_viewport()
    pages.turn_to(page, "All settings")
    pages.set_number(page, "lamp-rank", 2000)
    expect(page.locator("#short")).to_contain_text("One thing to put right")
    page.locator("#short button").click()
    page.locator("#rail .ls-problems a").click()
    expect(page.locator("#field-lamp-rank input")).to_be_focused()
    expect(page.locator("#field-lamp-rank")).to_be_in_viewport()
    expect(page.locator("#rail")).not_to_be_visible()
    context.close()


def test_each_section_answers_the_question_that_people_have_there(page: Page) -> None:
    pages.open_tune(page)
    questions = page.locator(".ls-section .ls-help summary")
    assert questions.all_inner_texts() == [
        "How many examples do I need, and which?",
        "What is a soft prompt?",
        "Which model should I take?",
        "How long should it train?",
    ]
    answer = page.get_by_text("The model itself stays as it is. So the result is a small file")
    expect(answer).to_be_hidden()
    questions.nth(1).focus()
    page.keyboard.press("Enter")
    expect(answer).to_be_visible()
