"""Seconds from a request to its first answer in the Try tab, and the server's memory before and after.

    python benchmarks/answer.py --home STUDIO_HOME --run RUN [--tries 20]

This process stands for the server: it asks `Studio` as the pages do, and its memory is measured. The run must have
ended with a prompt; its rows are the inputs.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.settings import Settings
from app.studio import Studio
from lamp.process import prepare_process
from storage.database import open_database


def memory() -> float:
    """Resident megabytes of this process."""
    return float(psutil.Process().memory_info().rss) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument("--tries", type=int, default=20)
    options = parser.parse_args()
    prepare_process()
    settings = Settings.from_environment({"STUDIO_HOME": str(options.home)})
    studio = Studio(settings, open_database(settings.database_url))
    run = studio.run(options.run)
    rows = studio.first_rows(run.job.dataset)
    inputs = [{column: row[column] for column in run.config.data.input_columns} for row in rows]
    before = memory()
    seconds = []
    for number in range(options.tries + 1):
        start = time.perf_counter()
        first: list[float] = []

        def on_answers(_: object, start: float = start, first: list[float] = first) -> None:
            first.append(time.perf_counter() - start)

        studio.try_prompt(run.job.id, [inputs[number % len(inputs)]], on_answers=on_answers)
        seconds.append(first[0] if first else time.perf_counter() - start)
    warm = sorted(seconds[1:])
    print("| first answer, cold | first answer, warm (median, slowest) | server before | server after |")
    print("| --- | --- | --- | --- |")
    first_tries = f"{seconds[0]:.1f} s | {statistics.median(warm):.2f} s, {warm[-1]:.2f} s"
    print(f"| {first_tries} | {before:.0f} MB | {memory():.0f} MB |")
    studio.close()


if __name__ == "__main__":
    main()
