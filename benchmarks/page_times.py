"""How soon a page can be used, how soon Try answers, and whether the memory of a live page grows.

    python benchmarks/page_times.py --backbone FOLDER [--opens 5] [--tries 10] [--minutes 5]

FOLDER: a backbone on this machine, such as `python -m lamp.hub.offline FOLDER` installs. Starts a studio and prints

* the seconds from opening the Tune page in a browser without a cache until its table and its summary stand there, each
  time in a new browser; the first one is also the first that the server sees,
* the seconds from the click on Answer until the answer stands there, once the model is loaded, on a run that trains for
  one step before,
* the JavaScript heap of a live run's page after garbage collection, and its number of nodes, every minute,
* how far what stands on Tune, Runs and Compare moves while they fill: the browser's layout shifts added up.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import time
from pathlib import Path

from live_page import Trainer, studio
from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from steps import ROOT

sys.path.insert(0, str(ROOT))

from lamp.config import TuneConfig
from storage.database import open_database
from storage.jobs import JobStore

_DATA = "sample:support-tickets.csv"
_FLAGS = ["--no-sandbox", "--disable-gpu"]
_WATCH_MOVES = """window.moved = 0
new PerformanceObserver((list) => list.getEntries().forEach((entry) => { moved += entry.value }))
    .observe({type: 'layout-shift', buffered: true})"""
_ANSWER = """() => new Promise((done) => {
    const began = performance.now()
    let asked = false
    const observer = new MutationObserver(() => {
        const answered = document.querySelector('#answers .ls-result')
        asked ||= !answered
        if (asked && answered) { observer.disconnect(); done((performance.now() - began) / 1000) }
    })
    observer.observe(document.body, {childList: true, subtree: true})
    document.querySelector('#answer').click()
})"""


def open_tune(playwright: Playwright, url: str) -> float:
    """Seconds until the Tune page of a new browser can be used."""
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
    page = browser.new_page()
    began = time.monotonic()
    page.goto(url, wait_until="commit")
    page.locator("#preview table").wait_for(timeout=120_000)
    page.locator("#rail").get_by_text("451 rows").wait_for(timeout=120_000)
    took = time.monotonic() - began
    browser.close()
    return took


def answers(page: Page, url: str, run: str, tries: int) -> list[float]:
    """Seconds until each answer stands on the Try tab, with the model in memory."""
    page.goto(f"{url}/runs?run={run}&tab=try")
    box = page.locator("#try-0 textarea")
    box.wait_for(timeout=120_000)
    seconds = []
    for number in range(tries + 1):
        box.fill(f"My parcel number {number} has not arrived, and nobody answers.")
        seconds.append(page.evaluate(_ANSWER))
    return seconds[1:]


def moved(browser: Browser, address: str) -> list[float]:
    """The sum of a page's layout shifts until four seconds after it was asked for, on a laptop and on a phone."""
    sums = []
    for width, height in ((1280, 860), (390, 844)):
        page = browser.new_page(viewport={"width": width, "height": height})
        page.add_init_script(_WATCH_MOVES)
        page.goto(address)
        page.wait_for_timeout(4000)
        sums.append(page.evaluate("moved"))
        page.close()
    return sums


def heap(page: Page, url: str, store: JobStore, minutes: int) -> list[tuple[float, int]]:
    """(megabytes of JavaScript, nodes) of a live run's page at the beginning and after each minute."""
    config = TuneConfig.from_dict({"backbone": "tiny", "train": {"steps": 2000}}).to_dict()
    run = store.add("live", config, _DATA, "support-tickets.csv", 2000, gpus=99).id
    assert store.claim("elsewhere", list(range(99))) is not None
    trainer = Trainer(store, run, 2)
    trainer.start()
    page.goto(f"{url}/runs?run={run}")
    page.locator("#run-head h1").wait_for()
    page.wait_for_timeout(15_000)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")
    found = []
    for minute in range(minutes + 1):
        if minute:
            page.wait_for_timeout(60_000)
        devtools.send("HeapProfiler.collectGarbage")
        metrics = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
        found.append((metrics["JSHeapUsedSize"] / 1e6, int(metrics["Nodes"])))
    trainer.ends.set()
    trainer.join()
    return found


def trained(store: JobStore, backbone: Path) -> str:
    """A run on the backbone that has ended, with a prompt."""
    config = TuneConfig.from_dict(
        {
            "backbone": str(backbone),
            "data": {"input_columns": ["text"], "target_column": "label", "max_test_rows": 8},
            "train": {"steps": 1, "batch_size": 2, "learning_rate": 0.1},
        }
    )
    run = store.add("to try", config.to_dict(), _DATA, "support-tickets.csv", 1).id
    while not store.get(run).state.finished:
        time.sleep(1)
    if store.get(run).artifact is None:
        raise SystemExit(f"The run ended without a prompt: {store.get(run).error}")
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--backbone", type=Path, required=True)
    parser.add_argument("--opens", type=int, default=5)
    parser.add_argument("--tries", type=int, default=10)
    parser.add_argument("--minutes", type=int, default=5)
    options = parser.parse_args()
    with studio() as (url, home, _):
        measure(url, JobStore(open_database(f"sqlite:///{home / 'studio.db'}")), options)


def measure(url: str, store: JobStore, options: argparse.Namespace) -> None:
    """Measures and prints."""
    with sync_playwright() as playwright:
        opened = [open_tune(playwright, url) for _ in range(options.opens)]
        print(f"Tune, cold browser: first {opened[0]:.2f} s, median of all {statistics.median(opened):.2f} s")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
        if options.tries:
            took = answers(browser.new_page(), url, trained(store, options.backbone.resolve()), options.tries)
            print(f"Try, model in memory: median {statistics.median(took):.2f} s, slowest {max(took):.2f} s")
        for minute, (megabytes, nodes) in enumerate(heap(browser.new_page(), url, store, options.minutes)):
            print(f"live page, minute {minute}: {megabytes:.1f} MB of JavaScript, {nodes:,} nodes", flush=True)
        runs = ",".join(job.id for job in store.list(6))
        for path in ("/", "/runs", f"/compare?runs={runs}"):
            laptop, phone = moved(browser, url + path)
            print(f"{path} moves by {laptop:.3f} on a laptop, {phone:.3f} on a phone")
        browser.close()


if __name__ == "__main__":
    main()
