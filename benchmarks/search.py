"""What finding the learning rate costs: whole runs at a fixed rate, with the search, and a sweep of eight, in turn.

    python benchmarks/search.py [--backbone FOLDER | --random SHAPE] [--data FILE]
                                [--steps 200] [--batch 32] [--turns 2]

Each run loads the backbone, scores the untrained one, trains and scores, as the studio's runs do. The sweep has eight
rates between the lowest and the highest one that the search tries, and drops half of them at each rung. --random: an
untrained model of a published shape (benchmarks/random_models.py) and rows of random words, for machines without
weights; --data: a table with rows to learn from.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gpu import LOADS
from random_models import SHAPES, random_model
from steps import OFFLINE, ROOT

from lamp.config import LampConfig, TrainConfig, TuneConfig

_FIXED = 0.06
_WORDS = [f"word{number}" for number in range(300)]


class _Silent:
    """A Reporter that tells the phases only."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        pass

    def phase(self, text: str) -> None:
        print(f"  {text}", flush=True)

    def part(self, share: float) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def samples(self, step: int, rows: Any) -> None:
        pass

    def should_stop(self) -> bool:
        return False


def random_backbone(shape: str, folder: Path) -> Path:
    """Lays an untrained model and a tokenizer that knows the benchmark's words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    model = random_model(shape, "cpu", torch.bfloat16)
    model.save_pretrained(folder)
    tokens = ["<pad>", "</s>", "<unk>", *_WORDS, "text", "label", ":"]
    tokenizer = Tokenizer(models.WordLevel({token: number for number, token in enumerate(tokens)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    return folder


def random_table(file: Path) -> Path:
    """Rows of random words with SST-2's lengths and two labels."""
    rng = random.Random(0)
    rows = [f"{' '.join(rng.choices(_WORDS, k=length))},{rng.choice(_WORDS[:2])}" for length in LOADS["sst2"] * 60]
    file.write_text("text,label\n" + "\n".join(rows) + "\n")
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--backbone", type=Path, default=OFFLINE)
    parser.add_argument("--random", choices=SHAPES)
    parser.add_argument("--data", type=Path, default=ROOT / "app/samples/support-tickets.csv")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--turns", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.random:
            options.backbone = random_backbone(options.random, Path(folder) / options.random)
            options.data = random_table(Path(folder) / "rows.csv")
        measure(options)


def measure(options: argparse.Namespace) -> None:
    """Runs the variants in turn and prints their seconds."""
    from lamp.data.column_roles import guess_columns
    from lamp.data.splits import prepare
    from lamp.data.tables import read_table
    from lamp.training.halving import rungs
    from lamp.training.train import sweep, train

    table = read_table(options.data)
    settings = TrainConfig(steps=options.steps, batch_size=options.batch)
    recipe = TuneConfig(str(options.backbone), guess_columns(table), LampConfig(), settings)
    splits = prepare(table, recipe.data)
    fixed = replace(recipe, train=replace(settings, learning_rate=_FIXED))
    eight = [replace(recipe, train=replace(settings, learning_rate=0.01 * 32 ** (number / 7))) for number in range(8)]
    variants: dict[str, Callable[[Path], Any]] = {
        "a fixed rate": lambda place: train(fixed, splits, _Silent(), place),
        "the rate is found": lambda place: train(recipe, splits, _Silent(), place),
        "a sweep of 8": lambda place: sweep(eight, rungs(8, options.steps), splits, _Silent(), place),
    }
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(options.turns):
        for name, run in variants.items():
            print(name, flush=True)
            with tempfile.TemporaryDirectory() as place:
                began = time.perf_counter()
                run(Path(place))
                seconds[name].append(time.perf_counter() - began)
    base = statistics.median(seconds["a fixed rate"])
    print("\n| run | seconds | of a fixed rate's |\n| --- | --- | --- |")
    for name, taken in seconds.items():
        print(f"| {name} | {', '.join(f'{one:.0f}' for one in taken)} | {statistics.median(taken) / base:.2f} |")


if __name__ == "__main__":
    main()
