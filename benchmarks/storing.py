"""What a store of files costs a run: `python benchmarks/storing.py s3://bucket/prefix`, with keys in the environment.

A run of a tiny model with a checkpoint every 20 steps, three times with its files in the store and three times without,
in turn; then how long a checkpoint, and a log that a page shows, take to get there and back.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")

from storage.home import Home  # noqa: E402
from storage.jobs import JobState  # noqa: E402
from storage.object_store import ObjectStore  # noqa: E402
from storage.run_files import RunFiles  # noqa: E402
from storage.shared_files import open_files  # noqa: E402

STEPS, TIMES = 600, 3


def train(folder: Path, address: str) -> tuple[float, float]:
    """Milliseconds of a median step, and seconds from the first step to the recorded end of the run."""
    from tests.jobs.conftest import make_system
    from tests.tiny import save_tiny

    system = make_system(folder / "home", save_tiny(folder / "tiny", "llama"))
    files = open_files(system.home.root, address)
    files.uploads(system.store.database).add(folder / "table.csv", "table.csv", 60, ("text", "label"))
    job = system.submit(STEPS, checkpoint_every=20, evaluate_every=200)
    system.store.claim("here", [0])
    environment = {**os.environ, **system.environment(), "STUDIO_FILES": address, "HF_HUB_OFFLINE": "1"}
    worker = subprocess.Popen(
        [sys.executable, "-m", "app.jobs.worker", job.id], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL
    )
    system.until(job.id, lambda job: job.step > 0, 300)
    began = time.perf_counter()
    system.until(job.id, lambda job: job.state is JobState.DONE, 300)
    took = time.perf_counter() - began
    worker.wait()
    rates = [value for _, value in system.store.curve(job.id, "rows_per_second", 10_000)]
    files.home.forget(job.id)
    return 1000 * 4 / statistics.median(rates), took  # batches of 4 rows


def median_ms(call: Callable[[int], object], times: int = 20) -> float:
    """Median wall time of a call with its number, in milliseconds."""
    seconds = []
    for number in range(times):
        began = time.perf_counter()
        call(number)
        seconds.append(time.perf_counter() - began)
    return 1000 * statistics.median(seconds)


def carry(folder: Path, address: str) -> None:
    """Prints how long a run's files take to get there and back."""
    store, home = ObjectStore(address), Home(folder / "here")
    here, there = (RunFiles(store, folder / name, "measured") for name in ("here", "there"))
    for kilobytes in (70, 10_000):

        def checkpoint(number: int, kilobytes: int = kilobytes) -> None:
            path = home.checkpoints("measured") / f"step-{number:08d}"
            path.mkdir(parents=True, exist_ok=True)
            (path / "state.safetensors").write_bytes(os.urandom(1000 * kilobytes))
            here.push()

        print(f"storing a checkpoint of {kilobytes} kB: {median_ms(checkpoint):.0f} ms")
    log = home.log("measured")
    log.parent.mkdir(parents=True)

    def tick(number: int) -> None:
        log.write_text("a line\n" * (number + 1))
        here.push({"logs"})

    print(f"storing a log that has grown: {median_ms(tick):.0f} ms")
    there.pull()
    print(f"a page asks whether anything is new, and nothing is: {median_ms(lambda _: there.pull({'logs'})):.0f} ms")
    here.remove()


def main(address: str) -> None:
    for _ in range(TIMES):
        for store in ("", address):
            with tempfile.TemporaryDirectory(prefix="lamp-benchmark-") as folder:
                step, took = train(Path(folder), store)
                print(
                    f"{'in the store' if store else 'on this disk':12} {step:.2f} ms a step, {took:.1f} s", flush=True
                )
    with tempfile.TemporaryDirectory(prefix="lamp-benchmark-") as folder:
        carry(Path(folder), address)


if __name__ == "__main__":
    main(sys.argv[1])
