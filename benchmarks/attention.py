"""Plain against fused attention in a training step: the two take turns on the same batches, medians are printed.

python benchmarks/attention.py --data FILE [--backbone FOLDER] [--steps 20] [--batch 8]
"""

from __future__ import annotations

import argparse
import statistics
import time
from itertools import islice
from pathlib import Path

from steps import OFFLINE, batches, rows_of


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backbone", default=str(OFFLINE))
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=8)
    options = parser.parse_args()

    from lamp.backbone.forward import target_log_likelihood
    from lamp.backbone.frozen import FrozenBackbone
    from lamp.config import LampConfig
    from lamp.initializers import initial_prompt
    from lamp.prompt import LampPrompt

    encoder, rows = rows_of(options.data, options.backbone)
    frozen = FrozenBackbone.load(options.backbone)
    first = initial_prompt(frozen, LampConfig(), (), [row.input_ids for row in rows], 0)
    prompt = LampPrompt.from_matrix(first, LampConfig()).to(frozen.device)
    seconds: dict[str, list[float]] = {"eager": [], "sdpa": []}
    for numbers in islice(batches(len(rows), options.batch), options.steps):
        for kind, took in seconds.items():
            frozen.model.set_attn_implementation(kind)
            batch = encoder.batch([rows[number] for number in numbers], frozen.device)
            began = time.perf_counter()
            (-target_log_likelihood(frozen, prompt(), batch)).mean().backward()
            took.append(time.perf_counter() - began)
    medians = {kind: statistics.median(took[2:]) for kind, took in seconds.items()}
    print(
        f"plain {medians['eager']:.3f} s, fused {medians['sdpa']:.3f} s a step: "
        f"plain takes {medians['eager'] / medians['sdpa']:.2f} of it"
    )


if __name__ == "__main__":
    main()
