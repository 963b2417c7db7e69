"""Plain against fused attention in a training step: the two take turns on the same batches, medians are printed.

python benchmarks/attention.py --data FILE [--backbone FOLDER] [--steps 20] [--batch 8]
"""

from __future__ import annotations

import argparse
import statistics
import time
from itertools import islice
from pathlib import Path

from steps import OFFLINE, batches, lamp_trainer, rows_of


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backbone", default=str(OFFLINE))
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=8)
    options = parser.parse_args()

    from lamp.training.step import train_step

    encoder, rows = rows_of(options.data, options.backbone)
    trainer = lamp_trainer(options.backbone, encoder, rows)
    seconds: dict[str, list[float]] = {"eager": [], "sdpa": []}
    for indices in islice(batches(len(rows), options.batch), options.steps):
        for kind, taken in seconds.items():
            trainer.backbone.model.set_attn_implementation(kind)
            began = time.perf_counter()
            train_step(trainer, [rows[index] for index in indices], learning_rate=0.0)
            taken.append(time.perf_counter() - began)
    medians = {kind: statistics.median(taken[2:]) for kind, taken in seconds.items()}
    print(
        f"plain {medians['eager']:.3f} s, fused {medians['sdpa']:.3f} s a step: "
        f"plain takes {medians['eager'] / medians['sdpa']:.2f} of it"
    )


if __name__ == "__main__":
    main()
