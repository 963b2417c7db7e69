"""How long it takes to score labels behind 200 rows, by the number of rows that are read at a time; and how long a
comparison of five prompts takes on them, one prompt after the other or all in the same batches.

    python benchmarks/scoring.py [--backbone FOLDER] [--sizes 32 64 128 256] [--rows 200] [--shape SHAPE]

The model has a published shape, SmolLM2-135M's if none is named, and random weights; rows have the lengths of SST-2's.
--backbone is the folder of the tokenizer.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from itertools import cycle, islice

from gpu import LOADS
from random_models import SHAPES, random_model
from steps import OFFLINE

LABELS = (
    ("positive", "negative"),
    ("description", "entity", "abbreviation", "human being", "numeric value", "location"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--backbone", default=str(OFFLINE))
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64, 128, 256])
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--shape", choices=SHAPES, default="smollm2-135m")
    options = parser.parse_args()
    import torch
    from transformers import AutoTokenizer

    from lamp.backbone.devices import default_device
    from lamp.backbone.frozen import FrozenBackbone
    from lamp.backbone.precision import choose_dtype
    from lamp.backbone.prefix import inference_prefix
    from lamp.config import DataConfig
    from lamp.data.encoding import Encoder
    from lamp.inference.label_scores import label_log_likelihoods

    device = default_device()
    model = random_model(options.shape, device.type, choose_dtype("auto", device, "llama"))
    backbone = FrozenBackbone(model, AutoTokenizer.from_pretrained(options.backbone), "random")
    encoder = Encoder(backbone.tokenizer, is_encoder_decoder=False, config=DataConfig(("text",), "label"))
    rng, vocabulary = random.Random(0), SHAPES[options.shape]["vocab_size"]
    inputs = [
        [rng.randrange(3, vocabulary) for _ in range(length)] for length in islice(cycle(LOADS["sst2"]), options.rows)
    ]
    prefixes = [inference_prefix(backbone, torch.randn(20, backbone.hidden_size))] * len(inputs)
    print("| labels | rows at a time | time |\n| --- | --- | --- |")
    for labels in LABELS:
        for size in options.sizes:
            seconds = []
            for _ in range(3):
                began = time.perf_counter()
                label_log_likelihoods(backbone, prefixes, encoder, inputs, labels, batch_size=size)
                seconds.append(time.perf_counter() - began)
            print(f"| {len(labels)} | {size} | {1000 * min(seconds):.0f} ms |", flush=True)

    prompts = [inference_prefix(backbone, torch.randn(20, backbone.hidden_size)) for _ in range(5)]

    def in_turn(labels: Sequence[str]) -> None:
        for prompt in prompts:
            label_log_likelihoods(backbone, [prompt] * len(inputs), encoder, inputs, labels)

    def together(labels: Sequence[str]) -> None:
        of_all = [prompt for prompt in prompts for _ in inputs]
        label_log_likelihoods(backbone, of_all, encoder, inputs * len(prompts), labels)

    print("\n| labels | five prompts | time |\n| --- | --- | --- |")
    for labels in LABELS:
        taken: dict[str, list[float]] = {"one after the other": [], "in the same batches": []}
        for _ in range(3):
            for how, compare in zip(taken, (in_turn, together), strict=True):
                began = time.perf_counter()
                compare(labels)
                taken[how].append(time.perf_counter() - began)
        for how, seconds in taken.items():
            print(f"| {len(labels)} | {how} | {1000 * min(seconds):.0f} ms |", flush=True)


if __name__ == "__main__":
    main()
