"""Where the time of a training step of LAMP goes, by PyTorch's own profiler, and how fast products of its shapes are.

python benchmarks/profile_step.py --data FILE [--backbone FOLDER] [--steps 5] [--batch 8]
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

from steps import OFFLINE, lamp_step, rows_of


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backbone", default=str(OFFLINE))
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--batch", type=int, default=8)
    options = parser.parse_args()
    import torch
    from torch.profiler import ProfilerActivity, profile
    from transformers import AutoConfig

    encoder, rows = rows_of(options.data, options.backbone)
    step = lamp_step(options.backbone, encoder, rows)
    from lamp.data.batching import batches_of_epoch  # as lamp.training.train makes them

    indices = batches_of_epoch([row.length for row in rows], options.batch, seed=0, epoch=0)[: options.steps + 2]
    for warming in indices[:2]:
        step(warming)
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for measured in indices[2:]:
            step(measured)
    found = sorted(profiler.key_averages(), key=lambda one: -one.self_cpu_time_total)
    total = sum(one.self_cpu_time_total for one in found)
    read = sum(rows[row].length for measured in indices[2:] for row in measured)
    padded = sum(len(measured) * max(rows[row].length for row in measured) for measured in indices[2:])
    print(f"A step takes {total / options.steps / 1e6:.2f} s; {read / padded:.2f} of what is read is not padding.")
    print("| operation | share of the time | calls a step |")
    print("| --- | --- | --- |")
    for one in found[:10]:
        print(f"| {one.key} | {100 * one.self_cpu_time_total / total:.1f} % | {one.count / options.steps:.0f} |")
    config = AutoConfig.from_pretrained(options.backbone)
    width, inner = config.hidden_size, config.intermediate_size
    print(f"Products of {torch.get_num_threads()} threads, rows x {width} by {width} x {inner}:")
    for count in (20, 150, 512, 2048):
        print(f"{count} rows: {product_rate(count, width, inner) / 1e9:.0f} GFLOP/s")


def product_rate(rows: int, width: int, inner: int) -> float:
    """Floating-point operations a second of one product (rows, width) by (width, inner) in the backbone's format."""
    import torch

    from lamp.backbone.devices import default_device
    from lamp.backbone.precision import choose_dtype

    device = default_device()
    dtype = choose_dtype("auto", device, "llama")
    left, weight = (torch.randn(size, width, device=device, dtype=dtype) for size in (rows, inner))
    taken = []
    for _ in range(20):
        began = time.perf_counter()
        torch.nn.functional.linear(left, weight)
        taken.append(time.perf_counter() - began)
    return 2 * rows * width * inner / statistics.median(taken)


if __name__ == "__main__":
    main()
