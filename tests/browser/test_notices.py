"""The browser tells of runs that end, in a hidden tab too, and only whoever asked for it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from storage.jobs import JobState
from tests.browser.studio import RunningStudio, recipe

STUBS = """
    window.told = []; window.asked = 0; window.looks = [];
    window.Notification = class {
        static permission = sessionStorage.getItem("permission") || "default";
        static async requestPermission() {
            window.asked += 1;
            sessionStorage.setItem("permission", Notification.permission = window.answer || "granted");
            return Notification.permission;
        }
        constructor(title, options) { window.told.push([title, options.body]) }
    };
    const setAny = window.setInterval;
    window.setInterval = (work, ms, ...more) => ms === 60000 ? (window.looks.push(work), 0) : setAny(work, ms, ...more);
    Object.defineProperty(document, "hidden", { get: () => true });
"""
"""JavaScript: a browser whose notices and whose once-a-minute timer are in the hands of the test, in a hidden tab."""


def test_the_browser_tells_of_a_run_that_ends_once_it_was_asked_to(
    browser: Browser, studio: RunningStudio, tiny_llama: Path
) -> None:
    context = browser.new_context(base_url=studio.url)
    context.add_init_script(STUBS)
    page = context.new_page()
    store = studio.store

    def end(name: str) -> str:
        job = store.add(name, recipe(str(tiny_llama), 60).to_dict(), "sample:x.csv", "x.csv", 60, gpus=99)
        assert store.claim("another-machine", range(200)) is not None
        store.finish(job.id, JobState.DONE, scores={"accuracy": 0.9, "untrained_accuracy": 0.5})
        store.release(job.id)
        return job.id

    before = end("before it was asked")
    try:
        for address in ("/runs", f"/runs?run={before}"):
            page.goto(address)
            button = page.get_by_role("button", name="Tell me when a run ends")
            if address == "/runs":
                expect(button).to_have_attribute("aria-pressed", "false")
                assert page.evaluate("[asked, looks.length]") == [0, 0], "nothing is asked for on load"
                page.evaluate("window.answer = 'denied'")
                button.click()
                expect(page.locator("#notices")).to_contain_text("The browser does not let this page show notices")
                page.evaluate("window.answer = 'granted'")
                with page.expect_response(lambda response: "/run/predict" in response.url):
                    button.click()
            expect(button).to_have_attribute("aria-pressed", "true")  # on the second page without being asked again
            newest, _ = store.ended_since(None)  # what the page's first look has to know before the run ends
            page.wait_for_function(
                "(seen) => document.querySelector('#event-seen input')?.value === seen", arg=f"{newest}"
            )
            ended = end(f"told at {address[:5]}")
            page.evaluate("looks.at(-1)()")
            page.wait_for_function("told.length === 1")
            assert page.evaluate("told") == [[f"told at {address[:5]}: done", "Accuracy 90.0 %, +40.0 points"]]
            store.delete(ended)
        assert page.evaluate("asked") == 0
        button.click()
        expect(button).to_have_attribute("aria-pressed", "false")
    finally:
        store.delete(before)
        context.close()
