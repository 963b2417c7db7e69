"""What one open page of a live run costs on the machine that trains: processor time of the browser and of the server.

    python benchmarks/live_page.py [--seconds 30] [--steps-a-second 2]

Starts a studio, puts a run of some other machine into its store, which takes steps without any training, and opens the
run's page in Chromium. Printed are the shares of one core that the browser's processes and the server take while the
run goes on and, for comparison, once it has ended and on an empty page; the median and the most of the page's answers;
and the memory of the page's own process at the beginning and at the end.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright
from steps import ROOT

sys.path.insert(0, str(ROOT))

from lamp.config import TuneConfig
from storage.database import open_database
from storage.jobs import JobState, JobStore

_STEPS = 2000


def cpu(processes: list[psutil.Process]) -> float:
    """Seconds of processor time that the processes have taken."""
    return sum(sum(process.cpu_times()[:2]) for process in processes if process.is_running())


def browser_processes() -> list[psutil.Process]:
    """Chromium's processes, which this process has started."""
    return [child for child in psutil.Process().children(recursive=True) if "chrom" in child.name().lower()]


class Trainer(threading.Thread):
    """A run of another machine that takes steps until it is told to end."""

    def __init__(self, store: JobStore, run: str, a_second: float) -> None:
        super().__init__(daemon=True)
        self._store, self._run, self._pause = store, run, 1 / a_second
        self.ends = threading.Event()

    def run(self) -> None:
        """Reports each step, and scores every fifty of them."""
        for step in range(1, _STEPS):
            values = [
                (step, "loss", 2 / (1 + step / 50)),
                (step, "rows_per_second", 30.0),
                (step, "learning_rate", 0.1),
            ]
            values += [(step, "gradient_norm", 1.0)]
            if step % 50 == 1:
                values.append((step - 1, "validation/accuracy", 1 - 1 / (2 + step / 50)))
            self._store.heartbeat(self._run, step, "Training", values)
            if self.ends.wait(self._pause):
                break
        self._store.finish(self._run, JobState.STOPPED, step=step)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--steps-a-second", type=float, default=2)
    options = parser.parse_args()
    with studio() as (url, home, server):
        measure(url, home, server, options)


@contextmanager
def studio() -> Iterator[tuple[str, Path, psutil.Process]]:
    """A studio that is thrown away: its address, its home and its process."""
    with tempfile.TemporaryDirectory() as home:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {**os.environ, "STUDIO_HOME": home, "STUDIO_PORT": str(port), "STUDIO_LOW_DISK_GB": "0"}
        server = subprocess.Popen([sys.executable, str(ROOT / "app.py")], env=environment, stdout=subprocess.DEVNULL)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/health/live")
            yield url, Path(home), psutil.Process(server.pid)
        finally:
            server.terminate()
            server.wait()


def wait_for(url: str) -> None:
    """Until the studio answers."""
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("The studio did not start.")


def measure(url: str, home: Path, server: psutil.Process, options: argparse.Namespace) -> None:
    """Measures and prints."""
    store = JobStore(open_database(f"sqlite:///{home / 'studio.db'}"))
    config = TuneConfig.from_dict({"backbone": "tiny", "train": {"steps": _STEPS}}).to_dict()
    run = store.add("a run", config, "sample:support-tickets.csv", "support-tickets.csv", _STEPS, gpus=99).id
    # With more GPUs than there are, no runner of this machine takes it: it is claimed here as another machine's.
    assert store.claim("elsewhere", list(range(99))) is not None
    trainer = Trainer(store, run, options.steps_a_second)
    answers: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()

        def share(text: str) -> None:
            processes, began = browser_processes(), time.monotonic()
            before, of_server = cpu(processes), cpu([server])
            page.wait_for_timeout(1000 * options.seconds)
            took = time.monotonic() - began
            of_browser, of_server = (cpu(processes) - before) / took, (cpu([server]) - of_server) / took
            print(f"{text}: browser {of_browser:.3f} of a core, server {of_server:.3f}")

        share("an empty page")
        page.on("requestfinished", lambda request: answers.append(request.timing["responseEnd"]))
        page.goto(f"{url}/runs?run={run}")
        page.locator("#run-head h1").wait_for()
        trainer.start()
        page.wait_for_timeout(8000)
        answers.clear()
        memory = max(process.memory_info().rss for process in browser_processes())
        share("a live run")
        times = sorted(answers)
        if times:
            print(f"  {len(times)} answers, median {times[len(times) // 2]:.0f} ms, the most {times[-1]:.0f} ms")
        later = max(process.memory_info().rss for process in browser_processes())
        print(f"  memory of the largest process of the browser: {memory / 1e6:.0f} MB, then {later / 1e6:.0f} MB")
        trainer.ends.set()
        trainer.join()
        page.wait_for_timeout(5000)
        share("the same run, ended")
        browser.close()


if __name__ == "__main__":
    main()
