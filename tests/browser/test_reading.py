"""The Tune page finds out how a file is read, says so, and lets a person choose."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser import pages
from tests.unit.tables.workbooks import Sheets, write_xlsx

ROWS: list[list[object]] = [[f"film {row} was long", ("pos", "neg")[row % 2]] for row in range(30)]


def test_another_sheet_is_read_and_chat_data_takes_the_backbones_chat_format(
    page: Page, tiny_llama: Path, tmp_path: Path
) -> None:
    instruct = tmp_path / "instruct"
    shutil.copytree(tiny_llama, instruct)
    (instruct / "chat_template.jinja").write_text(
        "{% for turn in messages %}{{ turn['content'] }}\n{% endfor %}Answer:"
    )
    pages.open_tune(page)
    pages.choose_backbone(page, str(instruct))
    sheets: Sheets = {"Old": [["Films of 2024"], ["text", "label"], *ROWS], "New": [["a", "b"], *ROWS]}
    pages.upload(page, write_xlsx(tmp_path / "films.xlsx", sheets))
    expect(page.locator("#preview")).to_contain_text("The first line, 'Films of 2024', is no part of the table.")
    page.locator("#dataset-layout").get_by_text("Read the file in another way").click()
    page.locator("#sheet input").click()
    page.get_by_role("option", name="New").click()
    page.locator("#read-again").click()
    expect(page.locator("#upload-said")).to_contain_text("films (sheet New).parquet has 30 rows and 2 columns.")
    expect(page.locator("#preview")).to_contain_text("Read from the sheet 'New'.")
    expect(page.locator("#dataset-layout")).not_to_be_visible()

    chat = tmp_path / "chat.jsonl"
    turns = [[("system", "Be brief."), ("user", f"row {row}"), ("assistant", "yes")] for row in range(30)]
    lines = [json.dumps({"messages": [{"role": role, "content": text} for role, text in said]}) for said in turns]
    chat.write_text("\n".join(lines))
    pages.upload(page, chat)
    expect(page.locator("#preview")).to_contain_text("the last answer of each conversation is the target")
    pages.turn_to(page, "All settings")
    expect(page.locator("#field-data-template textarea")).to_have_value("{input}")
    expect(page.locator("#field-data-input-format input")).to_have_value("The model's chat format")
