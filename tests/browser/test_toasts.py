"""What the page says for a moment."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from storage.jobs import JobState
from tests.browser import pages
from tests.browser.studio import RunningStudio

NAME = '<form action="https://foreign.example"><b>a name</b></form><img src="pixel.png">'


def test_a_name_in_a_toast_is_text_and_nothing_else(page: Page, studio: RunningStudio, tiny_llama: Path) -> None:
    job = studio.add_ended(str(tiny_llama), JobState.STOPPED, name=NAME)
    pages.open_run(page, job.id, "About")
    page.locator("#extend").click()
    toast = page.get_by_test_id("toast-body")
    expect(toast).to_contain_text(f"Only a run that is done can be extended, and {NAME!r} is stopped.")
    expect(toast.locator("form, b, img")).to_have_count(0)
