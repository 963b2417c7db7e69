"""Many viewers of one live run: how long a tick of the page takes, and what it costs the server.

    python benchmarks/viewers.py [--backbone FOLDER] [--viewers 60] [--seconds 60]

Starts a studio and a run in it, opens the run's page once in Chromium, and then sends what that page sent for each of
many viewers: opening the page, and its ticks, as often as the server tells each page. Printed are the times of the
ticks, the processor time of the server for one tick, its memory at the beginning and at the end, and the run's steps a
minute with the viewers and without them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from gradio_client import Client
from playwright.sync_api import Request, sync_playwright
from steps import OFFLINE, ROOT

_TICK_SECONDS = 2.0
"""As a page has it that is open alone."""
_RECIPE = {"train": {"steps": 1_000_000, "batch_size": 8, "learning_rate": 0.05, "evaluate_every": 500_000}}


@dataclass(frozen=True)
class Sent:
    """A request of the page."""

    path: str
    body: dict[str, Any]

    def again(self, url: str, viewer: str) -> tuple[float, float | None]:
        """Sends it for another viewer: the seconds until it was answered, and those between two ticks from now on."""
        body = json.dumps({**self.body, "session_hash": viewer}).encode()
        request = urllib.request.Request(url + self.path, body, {"content-type": "application/json"})
        began = time.perf_counter()
        with urllib.request.urlopen(request, timeout=60) as answer:
            values = json.loads(answer.read())["data"]
        took = time.perf_counter() - began
        timers = (value for value in values if isinstance(value, dict) and value.get("active"))
        return took, next((timer["value"] for timer in timers if "value" in timer), None)


def requests_of_a_page(url: str, run: str) -> tuple[list[Sent], Sent]:
    """What a run's page sends when it is opened, and at each tick."""
    sent: list[Sent] = []

    def note(request: Request) -> None:
        if request.method == "POST" and "/run/" in request.url:
            sent.append(Sent(request.url.removeprefix(url), json.loads(request.post_data or "{}")))

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", note)
        page.goto(f"{url}/runs?run={run}")
        page.locator("#run-head h1").wait_for()
        page.wait_for_timeout(3.5 * _TICK_SECONDS * 1000)
        browser.close()
    functions = [request.body["fn_index"] for request in sent]
    tick = max(sent, key=lambda request: functions.count(request.body["fn_index"]))
    opening = [request for request in sent if request.body["fn_index"] != tick.body["fn_index"]]
    return opening, tick


def watch(url: str, run: str, opening: list[Sent], tick: Sent, viewers: int, seconds: float) -> list[float]:
    """The seconds that each tick took."""
    taken: list[float] = []
    until = time.monotonic() + seconds

    def view(number: int) -> None:
        viewer = f"viewer{number}"
        time.sleep(_TICK_SECONDS * number / viewers)
        pause = _TICK_SECONDS
        for request in opening:
            pause = request.again(url, viewer)[1] or pause
        while (began := time.monotonic()) < until:
            seconds, told = tick.again(url, viewer)
            taken.append(seconds)
            pause = told or pause
            time.sleep(max(0.0, pause - (time.monotonic() - began)))

    threads = [threading.Thread(target=view, args=(number,)) for number in range(viewers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--backbone", type=Path, default=OFFLINE)
    parser.add_argument("--viewers", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        environment = {**os.environ, "STUDIO_HOME": home, "STUDIO_PORT": str(port), "STUDIO_LOW_DISK_GB": "0"}
        server = subprocess.Popen([sys.executable, str(ROOT / "app.py")], env=environment, stdout=subprocess.DEVNULL)
        try:
            measure(f"http://127.0.0.1:{port}", psutil.Process(server.pid), options)
        finally:
            server.terminate()
            server.wait()


def measure(url: str, server: psutil.Process, options: argparse.Namespace) -> None:
    """Measures and prints."""
    call = _client(url).predict
    recipe = {**_RECIPE, "backbone": str(options.backbone)}
    run = call(recipe, "sample:support-tickets.csv", "watched", api_name="/submit")

    def step() -> int:
        return int(call(run, api_name="/run")["step"])

    def pace(act: Any) -> float:
        before, began = step(), time.monotonic()
        act()
        return 60 * (step() - before) / (time.monotonic() - began)

    try:
        while step() < 3:
            time.sleep(1)
        opening, tick = requests_of_a_page(url, run)
        alone = pace(lambda: time.sleep(options.seconds))
        taken: list[float] = []
        watch(url, run, opening, tick, options.viewers, 2 * _TICK_SECONDS)  # what is made once
        memory, used = server.memory_info().rss, sum(server.cpu_times()[:2])
        watched = pace(lambda: taken.extend(watch(url, run, opening, tick, options.viewers, options.seconds)))
        cpu = sum(server.cpu_times()[:2]) - used
        middle, late = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
        print(f"{options.viewers} viewers, {len(taken)} ticks: median {1e3 * middle:.0f} ms, 95 % {1e3 * late:.0f} ms")
        print(f"server: {1e3 * cpu / len(taken):.1f} ms of processor time a tick")
        print(f"server's memory: {memory / 1e6:.0f} MB, then {server.memory_info().rss / 1e6:.0f} MB")
        print(f"steps a minute: {alone:.1f} alone, {watched:.1f} watched")
    finally:
        call(run, api_name="/stop")
        while call(run, api_name="/run")["state"] in ("running", "stopping"):
            time.sleep(0.5)


def _client(url: str) -> Client:
    for _ in range(300):
        try:
            return Client(url, verbose=False)
        except Exception:  # it has not started yet
            time.sleep(0.2)
    raise SystemExit("The studio did not start.")


if __name__ == "__main__":
    main()
