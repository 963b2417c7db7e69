"""How the job system carries weight: `python benchmarks/jobs.py [scale] [metrics] [drain]` (all three by default).

scale: 10,000 runs with 5,000,000 metric rows: the runs page's query, a curve, the start. STUDIO_BENCHMARK_URL names
       an empty PostgreSQL database to use instead of a new SQLite file.
metrics: what recording costs a training step of a tiny model.
drain: 200 runs of a tiny model through two studio processes, each run exactly once.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")

from app.jobs.heartbeat import Heartbeat  # noqa: E402
from app.jobs.job_reporter import JobReporter  # noqa: E402
from app.jobs.journal import Journal  # noqa: E402
from app.jobs.tracking import Tracking  # noqa: E402
from app.settings import Settings  # noqa: E402
from lamp.config import TuneConfig  # noqa: E402
from storage.database import open_database  # noqa: E402
from storage.jobs import JobState, JobStore  # noqa: E402

RUNS, ROWS, LONG = 10_000, 5_000_000, 100_000


def median_ms(call: Callable[[], object], times: int = 21) -> float:
    """Median wall time of a call, in milliseconds, after one that warms up."""
    call()
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return 1000 * statistics.median(seconds)


def report(what: str, value: float, unit: str, limit: float) -> None:
    print(f"{what:58} {value:9.2f} {unit:4} (at most {limit:g}) {'ok' if value <= limit else 'MISSED'}", flush=True)


def scale(folder: Path) -> None:
    url = os.environ.get("STUDIO_BENCHMARK_URL") or f"sqlite:///{folder / 'studio.db'}"
    store = JobStore(open_database(url))
    began = time.perf_counter()
    config = {"backbone": "org/model", "data": {"input_columns": ["text"]}, "train": {"steps": 245}, "note": "x" * 600}
    jobs = [
        store.add(f"run {number}", config, "sample:x", "x.csv", 245, owner=f"owner {number % 5}")
        for number in range(RUNS)
    ]
    for job in jobs[:-1]:
        store.log_values(
            job.id,
            [
                (step, name, step / 7)
                for step in range(1, (ROWS - LONG) // (RUNS - 1) // 2 + 1)
                for name in ("loss", "rows_per_second")
            ],
        )
        store.request_stop(job.id)
    store.log_values(jobs[-1].id, [(step, "loss", (step * 7919) % 1000 / 1000) for step in range(LONG)])
    print(
        f"{RUNS} runs with {ROWS} metric rows written in {time.perf_counter() - began:.0f} s on "
        f"{store.database.dialect}",
        flush=True,
    )
    report("the runs page: newest 100", median_ms(lambda: store.list(100)), "ms", 50)
    report("the runs page: a page far down", median_ms(lambda: store.list(100, 9_800)), "ms", 50)
    report(
        "the runs page: stopped ones of an owner by name",
        median_ms(lambda: store.list(100, states=[JobState.STOPPED], owner="owner 3", text="run 77")),
        "ms",
        50,
    )
    report("the runs page: a word that occurs nowhere", median_ms(lambda: store.list(100, text="nowhere")), "ms", 50)
    report("latest values of a run", median_ms(lambda: store.latest_metrics(jobs[5000].id)), "ms", 50)
    report("a curve of 245 values", median_ms(lambda: store.curve(jobs[5000].id, "loss")), "ms", 100)
    report(f"a curve of {LONG} values, to 500", median_ms(lambda: store.curve(jobs[-1].id, "loss")), "ms", 100)
    report("the queue's next run", median_ms(store.queue), "ms", 50)
    full, empty = start_seconds(url), start_seconds(f"sqlite:///{folder / 'empty' / 'studio.db'}")
    report("start with these runs, more than with none", full - empty, "s", 3)


def start_seconds(url: str) -> float:
    """Median time of a process that opens the database, takes a runner's turn and shows the runs page."""
    program = (
        "import sys; from storage.database import open_database; from storage.jobs import JobStore;"
        "from storage.home import Home; from app.jobs.executors import LocalExecutor;"
        "from app.jobs.runner import Runner; from pathlib import Path;"
        "store = JobStore(open_database(sys.argv[1]));"
        "Runner(store, LocalExecutor(Home(Path('/nonexistent')), {}), []).turn(); store.list(100)"
    )
    seconds = []
    for _ in range(6):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", program, url], check=True, cwd=ROOT)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])


def metrics(folder: Path) -> None:
    """Processor time of the loop's calls and of the heartbeat's thread, as a share of that of the steps.

    It is counted, and not compared with a run that records nothing: on a machine with other programs, two such runs
    differ by more than recording costs.
    """
    from lamp.data.splits import prepare
    from lamp.data.tables import read_table
    from lamp.training.train import train
    from tests.jobs.conftest import make_system
    from tests.tiny import save_tiny

    spent = {"loop": 0.0, "heartbeat": 0.0}
    marks: list[float] = []

    class CountedHeartbeat(Heartbeat):
        def beat(self) -> bool:
            began = time.thread_time()
            done = super().beat()
            spent["heartbeat"] += time.thread_time() - began
            return done

    class CountedReporter(JobReporter):
        def log(self, step: int, values: Mapping[str, float]) -> None:
            began = time.thread_time()
            super().log(step, values)
            spent["loop"] += time.thread_time() - began

        def should_stop(self) -> bool:
            if not marks:
                spent.update(loop=0.0, heartbeat=0.0)
            marks.append(time.process_time())
            return super().should_stop()

        def note(self, text: str) -> None:
            """The benchmark's own output stays readable."""

    system = make_system(folder / "home", save_tiny(folder / "tiny", "llama"))
    splits = prepare(read_table(folder / "table.csv", "table.csv"), system.config.data)
    steps = 3000
    job = system.submit(steps, evaluate_every=steps, checkpoint_every=steps)
    system.store.claim("here", [0])
    checkpoints = system.home.checkpoints(job.id)
    heartbeat = CountedHeartbeat(
        system.store, job.id, 1, system.home.log(job.id), Journal(checkpoints / "journal.jsonl")
    )
    heartbeat.start()
    reporter = CountedReporter(heartbeat, Tracking(Settings.from_environment(system.environment()), job, print))
    train(TuneConfig.from_dict(job.config), splits, reporter, checkpoints)
    heartbeat.end(lambda: system.store.finish(job.id, JobState.DONE, attempt=1))
    assert len(system.store.curve(job.id, "loss", 10_000)) == steps
    took = marks[-1] - marks[0]
    print(f"{steps} steps of the tiny model: {1000 * took / steps:.2f} ms of processor time each")
    report("recording takes of a step, loop and heartbeat together", 100 * sum(spent.values()) / took, "%", 2)


def drain(folder: Path) -> None:
    from tests.jobs.conftest import make_system
    from tests.tiny import save_tiny

    system = make_system(folder / "home", save_tiny(folder / "tiny", "llama"))
    jobs = [system.submit(1, evaluate_every=1) for _ in range(200)]
    environment = {**os.environ, **system.environment(), "STUDIO_SLOTS": "2"}
    began = time.perf_counter()
    studios = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.jobs.studio_process", "warm"],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    try:
        while (
            left := 200 - len(system.store.list(200, states=[JobState.DONE]))
        ) and time.perf_counter() - began < 1800:
            time.sleep(0.2)
    finally:
        for studio in studios:
            studio.kill()
            studio.wait()
    once = sum(
        [event.state.value for event in system.store.events(job.id)] == ["queued", "running", "done"] for job in jobs
    )
    print(f"200 runs through two studios in {time.perf_counter() - began:.0f} s: {once} run exactly once, {left} left")


def main(wanted: list[str]) -> None:
    for part in (scale, metrics, drain):
        if not wanted or part.__name__ in wanted:
            with tempfile.TemporaryDirectory(prefix="lamp-benchmark-") as folder:
                part(Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
