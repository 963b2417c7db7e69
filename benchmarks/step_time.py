"""A training step of LAMP against PEFT's prompt tuning: time and peak memory, side by side in one run.

    python benchmarks/step_time.py [--backbone FOLDER] [--data FILE] [--steps 20] [--batch 8] [--only KIND ...]

Each variant lives in a process of its own, so that its peak memory is its own; the processes take turns, one step
each, over the same rows, so that a busy machine slows all of them alike. PEFT is measured twice: in the barest loop
there is, and as most people run it, through transformers' Trainer, with bf16 where the machine multiplies it (elsewhere
all variants compute in float32). LAMP is measured twice too: on PEFT's own batches, which are consecutive rows as a
shuffle would give them, and on the batches that training makes of the same rows, which are of similar length.

The table has the median step, and shares of the time that all rows took together. The last lines say which share of the
machine's own matrix rate our steps reach: floating-point operations that they cannot do without (matrix products of the
rows' tokens, of the virtual tokens once a step and of the targets' logits, forwards and backwards to the activations
alone; neither attention nor padding is counted) over their time, over the rate of one large product.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import time
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from peft_steps import peft_step, run_trainer
from steps import OFFLINE, ROOT, WARM_UP, batches, lamp_step, peak_bytes, rows_of, take_turns

SIMILAR = "LAMP, 20 virtual tokens, its own batches"
SAME = "LAMP, 20 virtual tokens, PEFT's batches"
VARIANTS = {
    SIMILAR: ("lamp", 20),
    SAME: ("lamp", 20),
    "PEFT PromptTuning, 20 tokens": ("peft", 20),
    "PEFT PromptTuning, 100 tokens": ("peft", 100),
    "PEFT through Trainer, 20 tokens": ("trainer", 20),
    "PEFT through Trainer, 100 tokens": ("trainer", 100),
}


def serve(connection: Any, kind: str, tokens: int, backbone: str, data: Path, batch: int) -> None:
    """A variant's process: takes row indices, answers with the seconds of one step; at None with its peak memory."""
    encoder, rows = rows_of(data, backbone)
    connection.send([(row.length, len(row.target_ids)) for row in rows])
    if kind == "trainer":
        run_trainer(connection, tokens, backbone, rows, batch)
    else:
        step = lamp_step(backbone, encoder, rows) if kind == "lamp" else peft_step(backbone, encoder, rows, tokens)
        take_turns(connection, step)
    connection.send(peak_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--backbone", default=str(OFFLINE))
    parser.add_argument("--data", type=Path, default=ROOT / "app/data/samples/support-tickets.csv")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=8)
    kinds = ("lamp", "peft", "trainer")
    parser.add_argument("--only", nargs="+", choices=kinds, default=kinds)
    arguments = parser.parse_args()
    from lamp.data.batching import batches_of_epoch

    context = multiprocessing.get_context("spawn")
    connections: dict[str, Connection] = {}
    processes: list[BaseProcess] = []
    sizes: list[tuple[int, int]] = []
    variants = {name: given for name, given in VARIANTS.items() if given[0] in arguments.only}
    for name, (kind, tokens) in variants.items():
        here, there = context.Pipe()
        given = (there, kind, tokens, arguments.backbone, arguments.data, arguments.batch)
        process = context.Process(target=serve, args=given, daemon=True)
        process.start()
        sizes = here.recv()
        connections[name], processes = here, [*processes, process]
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    consecutive = list(islice(batches(len(sizes), arguments.batch), arguments.steps + WARM_UP))
    rows = sorted({row for indices in consecutive[WARM_UP:] for row in indices})
    similar = batches_of_epoch([sizes[row][0] for row in rows], arguments.batch, seed=0, epoch=0)
    own = consecutive[:WARM_UP] + [[rows[index] for index in indices] for indices in similar]
    for turn in range(arguments.steps + WARM_UP):
        for name, connection in connections.items():
            connection.send((own if name == SIMILAR else consecutive)[turn])
            took = connection.recv()
            if turn >= WARM_UP:
                seconds[name].append(took)
    memory = {}
    for name, connection in connections.items():
        connection.send(None)
        memory[name] = connection.recv()
    report(seconds, memory)
    read = sum(sizes[row][0] for row in rows) + VARIANTS[SAME][1] * arguments.steps
    predicted = sum(sizes[row][1] for row in rows)
    if SAME in seconds:
        taken = {name: sum(seconds[name]) for name in (SIMILAR, SAME)}
        report_share(arguments.backbone, arguments.batch, read, predicted, taken)


def report_share(backbone: str, batch: int, read: int, predicted: int, seconds: dict[str, float]) -> None:
    """The share of the measured matrix rate that our steps reach; the processes are idle, so the machine is free.

    read: tokens that go through the layers; predicted: tokens whose logits are needed; seconds: that all steps took.
    """
    import torch
    from transformers import AutoConfig

    from lamp.backbone.devices import default_device
    from lamp.backbone.precision import choose_dtype
    from lamp.hub.catalog import inspect

    device = default_device()
    info, config = inspect(backbone), AutoConfig.from_pretrained(backbone)
    dtype = choose_dtype("auto", device, "llama")
    head = config.vocab_size * info.hidden_size
    layers = info.parameters - head * (1 if config.tie_word_embeddings else 2)
    operations = 2 * 2 * (read * layers + predicted * head)  # a product and a sum a weight, and the same backwards
    size = 2048 if device.type == "cpu" else 8192
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in "ab")
    taken = []
    for _ in range(12):
        began = time.perf_counter()
        torch.matmul(left, right).sum().item()
        taken.append(time.perf_counter() - began)
    rate = 2 * size**3 / statistics.median(taken[2:])
    for name, took in seconds.items():
        reached = operations / took
        print(
            f"{name}, {batch} rows: {reached / 1e9:.0f} GFLOP/s of the {rate / 1e9:.0f} that one product of {size} x "
            f"{size} reaches in {dtype}, {reached / rate:.2f} of it."
        )


def report(seconds: dict[str, list[float]], memory: dict[str, int]) -> None:
    """A table for people, and the same as one JSON line."""
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    print(
        "| variant | median step | all rows | LAMP's time, own batches | LAMP's time, same batches | peak memory "
        "| LAMP's memory |"
    )
    print("| --- " * 7 + "|")
    for name, taken in seconds.items():
        alone = VARIANTS[name][0] == "lamp" or SAME not in seconds
        shares = ["" if alone else f"{sum(seconds[ours]) / sum(taken):.2f} of it" for ours in (SIMILAR, SAME)]
        less = "" if alone else f"{memory[SAME] / memory[name]:.2f} of it"
        print(
            f"| {name} | {medians[name]:.3f} s | {sum(taken):.1f} s | {' | '.join(shares)} "
            f"| {memory[name] / 1e9:.2f} GB | {less} |"
        )
    print(json.dumps({"median_seconds": medians, "peak_bytes": memory, "steps": len(next(iter(seconds.values())))}))


if __name__ == "__main__":
    main()
