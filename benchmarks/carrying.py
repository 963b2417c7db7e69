"""What a run costs each part of the studio, for docs/scale.md: `python benchmarks/carrying.py [records] [HOME ...]`.

records: commits, turns of the runner and bytes in the database (the default). STUDIO_BENCHMARK_URL names an empty
         PostgreSQL database to use instead of a new SQLite file.
HOME: a STUDIO_HOME with ended runs: what their files take.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from app.jobs.executors import LocalExecutor  # noqa: E402
from app.jobs.runner import Runner  # noqa: E402
from storage.artifacts import ArtifactStore  # noqa: E402
from storage.database import open_database  # noqa: E402
from storage.files import tree_bytes  # noqa: E402
from storage.home import Home  # noqa: E402
from storage.jobs import Job, JobState, JobStore  # noqa: E402
from storage.metrics import Value  # noqa: E402

CONFIG = {"backbone": "org/model", "data": {"input_columns": ["text"]}, "train": {"steps": 245}, "note": "x" * 600}
SECONDS = 8.0
"""How long commits are counted."""


def add(store: JobStore, count: int) -> list[Job]:
    return [store.add(f"run {number}", CONFIG, "sample:x", "x.csv", 245) for number in range(count)]


def five_values(step: int) -> list[Value]:
    return [(step, name, step / 7) for name in ("loss", "rate", "norm", "rows_per_second", "memory")]


def records(folder: Path) -> None:
    url = os.environ.get("STUDIO_BENCHMARK_URL") or f"sqlite:///{folder / 'studio.db'}"
    store = JobStore(open_database(url))
    print(f"{store.database.dialect}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    a_commit(store)
    sizes(store)
    for count in (1, 10, 100):
        turns(store, folder, count)
    queue(store, folder, 10_000)
    for count in (1_000, 100_000):
        artifacts(folder / f"artifacts-{count}", count)
    for writers in (1, 8, 32):
        commits(url, store, writers)


def a_commit(store: JobStore) -> None:
    (job,) = add(store, 1)
    store.claim("here", [0])
    walls, began = [], time.process_time()
    for step in range(1, 501):
        at = time.perf_counter()
        store.heartbeat(job.id, step, "Training", five_values(step), attempt=1)
        walls.append(time.perf_counter() - at)
    cpu = (time.process_time() - began) / len(walls)
    print(f"a heartbeat with 5 values: {1000 * statistics.median(walls):.2f} ms, {1000 * cpu:.2f} ms of processor time")
    store.finish(job.id, JobState.DONE, attempt=1)
    store.release(job.id)


def sizes(store: JobStore) -> None:
    before = database_bytes(store)
    jobs = add(store, 2000)
    for job in jobs:
        store.request_stop(job.id)
    runs = database_bytes(store)
    for job in jobs[:400]:
        store.log_values(job.id, [value for step in range(1, 101) for value in five_values(step)])
    rows = 400 * 500
    print(f"in the database: {(runs - before) / 2000:.0f} bytes a run", end=", ")
    print(f"{(database_bytes(store) - runs) / rows:.1f} bytes a metric row")


def database_bytes(store: JobStore) -> int:
    with store.database.engine.connect() as connection:
        if store.database.dialect == "postgresql":
            return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())


def turns(store: JobStore, folder: Path, active: int) -> None:
    """A turn of a runner that sees `active` runs of another host at work."""
    jobs = add(store, active)
    for slot in range(active):
        store.claim("elsewhere", [slot])
    runner = Runner(store, LocalExecutor(Home(folder), {}), [""])
    walls = []
    for _ in range(41):
        at = time.perf_counter()
        runner.turn()
        walls.append(time.perf_counter() - at)
    print(f"a turn of the runner, {active} runs at work: {1000 * statistics.median(walls):.1f} ms, twice a second")
    for job in jobs:
        store.finish(job.id, JobState.DONE, attempt=1)
        store.release(job.id)


def queue(store: JobStore, folder: Path, waiting: int) -> None:
    """The same with a queue, while the one slot is taken."""
    add(store, waiting)
    store.claim("here", [0])
    runner = Runner(store, LocalExecutor(Home(folder), {}), [""])
    walls = [_wall(lambda: store.claim("here", [0])) for _ in range(11)]
    print(f"a look into a queue of {waiting} runs: {1000 * statistics.median(walls):.0f} ms, in each turn", end=", ")
    walls = [_wall(runner.turn) for _ in range(11)]
    print(f"the whole turn {1000 * statistics.median(walls):.0f} ms")
    for job in store.list(waiting, states=[JobState.QUEUED]):
        store.request_stop(job.id)


def _wall(call: Callable[[], object]) -> float:
    at = time.perf_counter()
    call()
    return time.perf_counter() - at


def artifacts(root: Path, count: int) -> None:
    """The search for one run's prompt in the folder of all."""
    store = ArtifactStore(root)
    for number in range(count):
        (root / f"run{number}.1").mkdir()
    walls = [_wall(lambda: store.path("run17")) for _ in range(11)]
    print(f"finding a prompt among {count}: {1000 * statistics.median(walls):.1f} ms")


def commits(url: str, store: JobStore, writers: int) -> None:
    """How many heartbeats a second the database takes from processes that do nothing else."""
    jobs = add(store, writers)
    for slot in range(writers):
        store.claim("writers", [slot])
    program = (
        "import sys, time; from storage.database import open_database; from storage.jobs import JobStore;"
        "from benchmarks.carrying import five_values;"
        "store = JobStore(open_database(sys.argv[1])); until = time.time() + float(sys.argv[3]); step = 0\n"
        "while time.time() < until:\n"
        "    step += 1; store.heartbeat(sys.argv[2], step, 'Training', five_values(step), attempt=1)\n"
        "print(step)"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, url, job.id, str(SECONDS)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for job in jobs
    ]
    counts = [int(process.communicate()[0]) for process in processes]
    print(
        f"{writers} writers at once: {sum(counts) / SECONDS:.0f} heartbeats a second, "
        f"of the slowest {min(counts) / SECONDS:.1f}"
    )
    for job in jobs:
        store.finish(job.id, JobState.DONE, attempt=1)
        store.release(job.id)


def files(root: Path) -> None:
    home = Home(root)
    runs = [path.name.partition(".")[0] for path in home.artifacts.glob("*.1")]
    print(f"{root}: {len(runs)} runs with a prompt, kilobytes a run")
    for part in ("artifacts", "checkpoints", "answers", "logs"):
        total = sum(tree_bytes(path) for id in runs for path in (root / part).glob(f"{id}*"))
        print(f"  {part}: {total / max(1, len(runs)) / 1000:.0f}")
    logs = [home.log(id) for id in runs if home.log(id).is_file()]
    waits = [seconds for log in logs if (seconds := hand_over(log)) is not None]
    if waits:
        print(f"  {len(waits)} times Ray started a worker: {statistics.median(waits):.0f} s after it was handed over")


def hand_over(log: Path) -> float | None:
    """Seconds from a run's last line by the studio to the next one by its node; None when Ray had no part in it."""
    handed = None
    for line in log.read_text(errors="replace").splitlines():
        at, _, text = line.partition(" ")
        if text.startswith("Handed to Ray"):
            handed = datetime.fromisoformat(at)
        elif text.startswith("On ") and handed is not None:
            return (datetime.fromisoformat(at) - handed).total_seconds()
    return None


def main(wanted: list[str]) -> None:
    for argument in wanted or ["records"]:
        if argument != "records":
            files(Path(argument))
            continue
        with tempfile.TemporaryDirectory(prefix="lamp-benchmark-") as folder:
            records(Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
