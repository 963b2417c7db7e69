"""Which recipe is best: accuracy of LAMP's variants, plain prompt tuning and LoRA on several data sets and seeds.

    python benchmarks/quality.py --data FOLDER [--backbone FOLDER] [--results docs/quality.jsonl]
                                 [--tasks sst2 trec] [--variants "LAMP" ...] [--seeds 0 1] [--steps 200] [--batch 8]
                                 [--rates 0.04] [--jobs 2]
    python benchmarks/quality.py --table [--steps 200] [--batch 8]

FOLDER holds sst2, trec, cb and rte as JSON lines. Every cell (data set, variant, rate, seed) runs in a process of its
own, so that its peak memory is its own, and appends one line to the results; cells that are there already are skipped,
so that hours of work can be interrupted. With --jobs, cells run beside each other and share the machine's threads:
small products gain little from a second thread, so two cells of one thread each are done sooner than two in turn.
benchmarks/quality_cell.py is what runs in them, and lists the variants.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any

from quality_cell import TASKS, VARIANTS, Cell
from steps import OFFLINE, ROOT, device_name, parse_rate


def cells(options: argparse.Namespace) -> list[Cell]:
    """All that is asked for: one seed of everything before the next seed."""
    return [
        Cell(task, name, rate, seed, 0 if VARIANTS[name].kind == "none" else options.steps, options.batch)
        for seed in options.seeds
        for name in options.variants
        for task in options.tasks
        for rate in VARIANTS[name].rates
        if not options.rates or rate in options.rates
        if seed == options.seeds[0] or VARIANTS[name].kind != "none"
    ]


def read_results(path: Path) -> list[dict[str, Any]]:
    """What has been measured so far; the first lines were all measured on a CPU and do not say so."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [{"device": "cpu", **json.loads(line)} for line in lines]


def measure(options: argparse.Namespace) -> None:
    """Runs what is not in the results yet, one process a cell."""
    keys, device = list(asdict(Cell("", "", 0, 0, 0, 0))), device_name()
    lines = [row for row in read_results(options.results) if row["device"] == device]
    done = {tuple(row[key] for key in keys) for row in lines}
    wanted = [cell for cell in cells(options) if tuple(asdict(cell).values()) not in done]
    threads = str(max(1, (os.cpu_count() or 1) // options.jobs))
    writing = Lock()

    def run(cell: Cell) -> None:
        command = [
            sys.executable,
            str(Path(__file__).with_name("quality_cell.py")),
            str(options.data),
            str(options.backbone),
            json.dumps(asdict(cell)),
        ]
        line = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": threads}
        ).stdout.strip()
        with writing, options.results.open("a") as results:
            results.write(line + "\n")
        print(line, file=sys.stderr, flush=True)

    print(f"{len(wanted)} cells to run, {len(done)} done before", file=sys.stderr, flush=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(run, wanted))


def print_tables(path: Path, steps: int, batch: int) -> None:
    """A Markdown table for each device of the runs of so many steps and rows a batch."""
    rows = [row for row in read_results(path) if row["batch"] == batch and row["steps"] in (0, steps)]
    for device in sorted({row["device"] for row in rows}):
        print(f"\n{device}:\n")
        print_table([row for row in rows if row["device"] == device])


def print_table(rows: list[dict[str, Any]]) -> None:
    """Each variant at its best rate, or at those that it has found.

    The best one is that of the best mean over data sets with the first seed, among those that were run on the most data
    sets: further seeds had no say in it.
    """
    tasks = [task for task in TASKS if any(row["task"] == task for row in rows)]
    first = min(row["seed"] for row in rows)
    print("| variant | rate | " + " | ".join(tasks) + " | mean | runs | trainable | step | peak |")
    print("| --- " * (len(tasks) + 7) + "|")
    for name in VARIANTS:
        ran = [row for row in rows if row["variant"] == name]
        if not ran:
            continue
        by_rate = {rate: [row for row in ran if row["rate"] == rate] for rate in {row["rate"] for row in ran}}
        firsts = {rate: [row for row in own if row["seed"] == first] for rate, own in by_rate.items()}
        rate = max(firsts, key=lambda rate: (_tasks_of(firsts[rate]), _mean_of_tasks(firsts[rate])))
        best = by_rate[rate]
        found = sorted({row["found"] for row in best if row.get("found") is not None})
        columns = [_spread([row["accuracy"] for row in best if row["task"] == task]) for task in tasks]
        seconds = [row["step_seconds"] for row in best if row["step_seconds"]]
        print(
            f"| {name} | {', '.join(f'{one:g}' for one in found or [rate])} | " + " | ".join(columns) + " "
            f"| {100 * _mean_of_tasks(best):.1f} | {len(best)} | {max(row['trainable'] for row in best):,} "
            f"| {f'{statistics.median(seconds):.3g} s' if seconds else ''} "
            f"| {max(row['peak_gb'] for row in best):.2f} GB |"
        )


def _tasks_of(rows: list[dict[str, Any]]) -> int:
    return len({row["task"] for row in rows})


def _mean_of_tasks(rows: list[dict[str, Any]]) -> float:
    tasks = {row["task"] for row in rows}
    means = [statistics.mean(row["accuracy"] for row in rows if row["task"] == task) for task in tasks]
    return statistics.mean(means) if means else 0.0


def _spread(values: list[float]) -> str:
    if not values:
        return ""
    spread = f" ± {50 * (max(values) - min(values)):.1f}" if len(values) > 1 else ""
    return f"{100 * statistics.mean(values):.1f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--backbone", default=str(OFFLINE))
    parser.add_argument("--results", type=Path, default=ROOT / "docs/quality.jsonl")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rates", nargs="+", type=parse_rate, help="only these, of each variant's")
    parser.add_argument("--jobs", type=int, default=1, help="cells that run beside each other")
    parser.add_argument("--table", action="store_true", help="print what has been measured")
    options = parser.parse_args()
    if options.table:
        print_tables(options.results, options.steps, options.batch)
    elif options.data is None:
        parser.error("--data is needed: the folder with sst2.train.jsonl and the others")
    else:
        measure(options)


if __name__ == "__main__":
    main()
