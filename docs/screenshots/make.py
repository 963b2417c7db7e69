"""Makes the pictures beside this file out of a running studio: real pages, a real run on the sample.

    make run                                                  # in one terminal
    .venv/bin/python docs/screenshots/make.py                 # in another; [address] [preset] [id of a finished run]

Starts a run on the sample and takes its time; with a run's id that one is shown and none is started.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
DESK, PHONE = (1280, 860), (390, 844)
TALL = 1400
"""Pixels that show a run with its scores and its matrix."""
INPUT = "My parcel was due last Tuesday and the tracking page still says it is on its way."


def main(address: str = "http://127.0.0.1:7860", preset: str = "Recommended", run: str = "") -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        run = run or start(browser, address, preset)
        for scheme in ("light", "dark"):
            page = opened(browser, address, scheme)
            take(page, f"tune-{scheme}")
            page.locator("#task .ls-reading").first.wait_for()
            take(page, f"data-{scheme}", whole=True)
            page.locator("#advanced > button").click()
            page.locator("#figure svg").first.wait_for()
            page.locator("#advanced").evaluate("(settings) => settings.scrollIntoView()")
            take(page, f"recipe-{scheme}")
            page.goto(f"{address}/runs")
            page.locator(".ls-run").first.wait_for()
            take(page, f"runs-{scheme}")
            page.goto(f"{address}/runs?run={run}")
            page.locator("#results li").first.wait_for()
            page.set_viewport_size({"width": DESK[0], "height": TALL})
            take(page, f"run-{scheme}")
            page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
            page.get_by_role("button", name="Try it").click()
            page.locator("#try-0 textarea").fill(INPUT)
            page.locator("#answer").click()
            page.locator("#answers .ls-label").first.wait_for(timeout=180_000)
            take(page, f"try-{scheme}", whole=True)
            page.locator("#run-tabs").get_by_role("tab", name="Inspect").click()
            page.locator("#inspected-tokens table").wait_for()
            take(page, f"inspect-{scheme}")
            page.locator("#run-tabs").get_by_role("tab", name="Use it").click()
            take(page, f"export-{scheme}", whole=True)
            page.locator("#run-tabs").get_by_role("tab", name="About").click()
            take(page, f"details-{scheme}", whole=True)
            phone = opened(browser, address, scheme, PHONE)
            take(phone, f"phone-tune-{scheme}")
            phone.goto(f"{address}/runs?run={run}")
            phone.locator("#results li").first.wait_for()
            take(phone, f"phone-run-{scheme}")
        chinese = opened(browser, address, "light", locale="zh-CN")
        take(chinese, "tune-zh")
        chinese.goto(f"{address}/runs?run={run}")
        chinese.locator("#results li").first.wait_for()
        take(chinese, "run-zh")
        browser.close()


def start(browser: Browser, address: str, preset: str) -> str:
    """Presses Start, takes the live run in both schemes when it is well on its way, and waits for its end."""
    page = opened(browser, address, "light")
    page.get_by_label(preset).check()
    page.wait_for_timeout(1500)
    page.locator("#start").click()
    page.wait_for_url("**/runs?run=*")
    run = page.url.partition("run=")[2]
    page.wait_for_function(
        "document.querySelector('#run-head .ls-bar')?.getAttribute('aria-valuenow') > 45", timeout=3_600_000
    )
    take(page, "live-light")
    page.emulate_media(color_scheme="dark")
    page.reload()
    page.locator(".ls-plot .vega-embed svg").last.wait_for()
    take(page, "live-dark")
    page.locator("#run-head .ls-head .ls-good").wait_for(timeout=3_600_000)
    return run


def opened(browser: Browser, address: str, scheme: str, size: tuple[int, int] = DESK, locale: str = "en-US") -> Page:
    """The Tune page, filled in."""
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
        locale=locale,
    )
    page.goto(address)
    page.locator("#rail .ls-ready").wait_for(state="attached")  # it is folded on a phone
    return page


def take(page: Page, name: str, whole: bool = False) -> None:
    """A picture of 256 colours at most, which these pages do not exceed by much."""
    page.wait_for_timeout(1200)
    path = HERE / f"{name}.png"
    page.screenshot(path=path, full_page=whole)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{name}: {path.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
