"""How long threads may spin while they wait for each other: a training step by itself, and beside busy programs.

    python benchmarks/waiting.py [--data FILE] [--backbone FOLDER] [--steps 20] [--busy 2] [--counts default 3000]

Each spin count (GOMP_SPINCOUNT; "default" leaves it to the OpenMP library) has a process of its own. They take turns,
one step each over the same rows, first on the machine as it is, then beside as many loops that never pause as --busy
says. Beside them, a count of which a step took longer than --patience seconds is measured no further.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from steps import OFFLINE, ROOT, WARM_UP, lamp_step, rows_of, take_turns


def serve(connection: Any, backbone: str, data: Path) -> None:
    """A count's process."""
    encoder, rows = rows_of(data, backbone)
    connection.send([row.length for row in rows])
    take_turns(connection, lamp_step(backbone, encoder, rows))


def measure(connections: dict[str, Any], indices: list[list[int]], patience: float) -> dict[str, list[float]]:
    """Seconds of each step of each count, warm-up steps left out."""
    taken: dict[str, list[float]] = {name: [] for name in connections}
    for step, batch in enumerate(indices):
        for name, connection in connections.items():
            if taken[name] and max(taken[name]) > patience:
                continue
            connection.send(batch)
            seconds = connection.recv()
            if step >= WARM_UP or seconds > patience:
                taken[name].append(seconds)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, default=ROOT / "app/data/samples/support-tickets.csv")
    parser.add_argument("--backbone", default=str(OFFLINE))
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--busy", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--patience", type=float, default=20)
    parser.add_argument("--counts", nargs="+", default=["default", "0", "1000", "3000", "10000"])
    options = parser.parse_args()
    from lamp.data.batching import batches_of_epoch  # as lamp.training.train makes them

    os.environ.pop("GOMP_SPINCOUNT", None)  # which importing lamp has set
    spawn = multiprocessing.get_context("spawn")
    connections: dict[str, Any] = {}
    lengths: list[int] = []
    for count in options.counts:
        # What the child's own import of lamp leaves as it is.
        os.environ.update({"OMP_WAIT_POLICY": ""} if count == "default" else {"GOMP_SPINCOUNT": count})
        connections[count], theirs = spawn.Pipe()
        spawn.Process(target=serve, args=(theirs, options.backbone, options.data), daemon=True).start()
        lengths = connections[count].recv()
        os.environ.pop("GOMP_SPINCOUNT", None)
        os.environ.pop("OMP_WAIT_POLICY", None)
    indices = batches_of_epoch(lengths, options.batch, seed=0, epoch=0)[: options.steps + WARM_UP]
    quiet = measure(connections, indices, float("inf"))
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.busy)]
    try:
        busy = measure(connections, indices, options.patience)
    finally:
        for loop in loops:
            loop.kill()
    first = options.counts[0]
    print(f"| spin count | median step | of {first} | beside {options.busy} busy programs |")
    print("| --- | --- | --- | --- |")
    for count in options.counts:
        share = statistics.median(mine / other for mine, other in zip(quiet[count], quiet[first], strict=True))
        given_up = ", given up" if len(busy[count]) < options.steps else ""
        print(
            f"| {count} | {statistics.median(quiet[count]):.3f} s | {share:.2f} "
            f"| {statistics.median(busy[count]):.3f} s{given_up} |"
        )


if __name__ == "__main__":
    main()
