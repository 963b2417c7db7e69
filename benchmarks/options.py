"""What the recipe's options for large backbones cost and save: step time and peak memory, side by side in one run.

    python benchmarks/options.py [--backbone FOLDER] [--data FILE] [--steps 8] [--batch 32] [--only NAME ...]

Each option lives in a process of its own, and the processes take turns, one step each, on the same rows. On a CPU only
gradient checkpointing is measured unless others are named: weights of few bits are for CUDA, and compiling takes many
minutes before the first step, whose time is told apart.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
from itertools import islice
from pathlib import Path
from typing import Any

from steps import OFFLINE, ROOT, WARM_UP, batches, lamp_step, peak_bytes, rows_of, take_turns

OPTIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "gradient checkpointing": {"recomputed": True},
    "weights in 8 bits": {"quantization": "8bit"},
    "weights in 4 bits": {"quantization": "4bit"},
    "4 bits and gradient checkpointing": {"quantization": "4bit", "recomputed": True},
    "compiled": {"compiled": True},
}


def serve(connection: Any, options: dict[str, Any], backbone: str, data: Path) -> None:
    """An option's process: takes row indices, answers with the seconds of one step; at None with its peak memory."""
    encoder, rows = rows_of(data, backbone)
    connection.send(len(rows))
    take_turns(connection, lamp_step(backbone, encoder, rows, **options))
    connection.send(peak_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--backbone", default=str(OFFLINE))
    parser.add_argument("--data", type=Path, default=ROOT / "app/data/samples/support-tickets.csv")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--only", nargs="+", choices=list(OPTIONS)[1:])
    arguments = parser.parse_args()
    import torch

    wanted = arguments.only or (list(OPTIONS)[1:] if torch.cuda.is_available() else ["gradient checkpointing"])
    context = multiprocessing.get_context("spawn")
    connections, count = {}, 0
    for name, options in OPTIONS.items():
        if not options or name in wanted:
            connections[name], there = context.Pipe()
            given = (there, options, arguments.backbone, arguments.data)
            context.Process(target=serve, args=given, daemon=True).start()
            count = connections[name].recv()
    seconds: dict[str, list[float]] = {name: [] for name in connections}
    for indices in islice(batches(count, arguments.batch), arguments.steps + WARM_UP):
        for name, connection in connections.items():
            connection.send(indices)
            seconds[name].append(connection.recv())
    print("| option | median step | against none | peak memory | against none | first step |")
    print("| --- " * 6 + "|")
    usual = peak_usual = 0.0
    for name, connection in connections.items():
        connection.send(None)
        step, peak = statistics.median(seconds[name][WARM_UP:]), connection.recv()
        usual, peak_usual = usual or step, peak_usual or peak
        print(
            f"| {name} | {step:.3f} s | {step / usual:.2f} of it | {peak / 1e9:.2f} GB "
            f"| {peak / peak_usual:.2f} of it | {seconds[name][0]:.1f} s |"
        )


if __name__ == "__main__":
    main()
