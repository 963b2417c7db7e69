"""The pages in the language of the browser."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.browser import pages
from tests.browser.studio import RunningStudio


def test_a_browser_sees_its_own_language_and_programs_see_english(
    browser: Browser, studio: RunningStudio, page: Page
) -> None:
    context = browser.new_context(base_url=studio.url, locale="zh-CN")
    chinese = context.new_page()
    for at, start in ((chinese, "开始训练"), (page, "Start training")):
        at.goto("./")
        expect(at.get_by_role("button", name=start, exact=True)).to_be_visible()
    # Of the layout, and of what handlers say of the form:
    expect(chinese.get_by_role("heading", name="教语言模型完成你的任务")).to_be_visible()
    expect(chinese.locator("#rail")).to_contain_text("从 5 个标签中选一个")
    expect(page.locator("#rail")).to_contain_text("pick one of 5 labels")
    expect(chinese.locator("#preview")).to_contain_text("label")
    expect(chinese.locator("html")).to_have_attribute("lang", "zh-CN")
    for at, missing, up in ((chinese, "无法显示这个任务", "全部任务"), (page, "This run cannot be shown", "All runs")):
        at.goto("runs?run=none")
        expect(at.get_by_role("heading", name=missing)).to_be_visible()
        expect(at.get_by_role("link", name=up, exact=True)).to_be_visible()
    assert "Start training" in context.request.get("config", headers={"accept-language": "*"}).text()
    said = str(context.request.get("gradio_api/info").json())
    assert not any("一" <= letter <= "鿿" for letter in said), "API documentation is in English, whoever asks"
    context.close()


def test_a_browser_of_a_language_without_texts_is_told_that_the_page_is_english(
    browser: Browser, studio: RunningStudio
) -> None:
    context = browser.new_context(base_url=studio.url, locale="fr-FR")
    french = context.new_page()
    pages.open_tune(french)
    expect(french.locator("html")).to_have_attribute("lang", "en")
    expect(french.locator("body")).not_to_contain_text("common.")
    context.close()
