"""Plain against fused attention in a training step: the ways take turns on the same batches.

    python benchmarks/attention.py --data FILE [--backbone FOLDER] [--steps 20] [--batch 8]

On a CUDA device each kernel that PyTorch's fused attention can take is measured alone as well; steps are recorded
there, each way by itself. Prints the median step of each way and its share of the plain one's.
"""

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from steps import OFFLINE, batches, lamp_trainer, rows_of

WARM_UP = 3
"""Steps of each way that are not measured; on a CUDA device a shape is recorded at the second one."""
BACKENDS = ("FLASH_ATTENTION", "EFFICIENT_ATTENTION", "CUDNN_ATTENTION", "MATH")


class Way:
    """A trainer whose steps compute attention in one way."""

    def __init__(self, name: str, implementation: str, backend: str, trainer: Any) -> None:
        self.name, self._implementation, self._backend, self.trainer = name, implementation, backend, trainer
        self.seconds: list[float] = []
        self.impossible = ""

    def step(self, rows: list[Any]) -> None:
        """Takes a step and notes its seconds, or why it cannot be taken."""
        from lamp.training.step import train_step

        self.trainer.backbone.model.set_attn_implementation(self._implementation)
        try:
            began = time.perf_counter()
            with self._only_its_backend():
                train_step(self.trainer, rows, learning_rate=0.0)  # reads its loss, and so waits for the device
            self.seconds.append(time.perf_counter() - began)
        except RuntimeError as error:  # no kernel for this card, number format or mask
            self.impossible = str(error).splitlines()[0]

    def _only_its_backend(self) -> AbstractContextManager[Any]:
        if not self._backend:
            return nullcontext()
        from torch.nn.attention import SDPBackend, sdpa_kernel

        return sdpa_kernel([getattr(SDPBackend, self._backend)])


def ways_of(backbone: str, encoder: Any, rows: list[Any]) -> list[Way]:
    """All ways to compute attention on this machine, with one backbone."""
    from copy import deepcopy

    import torch

    from lamp.config import TrainConfig
    from lamp.training.trainer import PromptTrainer

    first = lamp_trainer(backbone, encoder, rows)
    frozen, prompt = first.backbone, first.prompts[0].prompt

    def trainer() -> Any:
        collate = partial(encoder.batch, device=frozen.device)
        return PromptTrainer.create(frozen, [deepcopy(prompt)], collate, TrainConfig(batch_size=len(rows)))

    kinds = [("plain", "eager", ""), ("fused", "sdpa", "")]
    if torch.cuda.is_available():
        kinds += [(f"fused, {backend.lower()} alone", "sdpa", backend) for backend in BACKENDS]
    return [Way(*kind, trainer()) for kind in kinds]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backbone", default=str(OFFLINE))
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=8)
    options = parser.parse_args()

    encoder, rows = rows_of(options.data, options.backbone)
    ways = ways_of(options.backbone, encoder, rows)
    for indices in islice(batches(len(rows), options.batch), options.steps + WARM_UP):
        for way in ways:
            if not way.impossible:
                way.step([rows[index] for index in indices])
    plain = statistics.median(ways[0].seconds[WARM_UP:])
    print("| attention | step | of the plain one's |\n| --- | --- | --- |")
    for way in ways:
        if way.impossible:
            print(f"| {way.name} | cannot be used here: {way.impossible} | |")
        else:
            median = statistics.median(way.seconds[WARM_UP:])
            print(f"| {way.name} | {1000 * median:.1f} ms | {median / plain:.2f} |")


if __name__ == "__main__":
    main()
