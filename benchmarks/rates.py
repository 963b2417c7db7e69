"""The learning rate that the search finds, against every fixed rate: accuracy on rows that chose nothing.

    python benchmarks/rates.py --data FOLDER [--backbone FOLDER] [--results docs/rates.jsonl] [--tasks trec sst2]
                               [--seeds 0 1 2] [--steps 200] [--batch 32]
    python benchmarks/rates.py --table [--results docs/rates.jsonl]

FOLDER holds sst2, trec, cb and rte as JSON lines. For each data set and seed the prompts of all rates are trained side
by side to the end, as runs at a fixed rate would train them, and the best prompt of each is scored on the data set's
own validation or test rows. Then a search runs until it has found its rate: its winner goes on as the prompt of that
rate did. Data sets and seeds that are in the results are skipped.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from quality_cell import TASKS
from steps import OFFLINE, ROOT

from lamp.training.halving import LEARNING_RATES

_BEFORE = 0.04
"""The default before rates were found; trained beside the rates that a search tries."""
_RATES = tuple(sorted((*LEARNING_RATES, _BEFORE)))


class _UntilFound:
    """A Reporter that keeps the losses by which rates are compared, and stops a search that has found its rate."""

    def __init__(self, *, searching: bool) -> None:
        self.losses: dict[str, list[float]] = {}
        self._searching, self._found = searching, False

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            if name.startswith("search/") and name.endswith("/validation/loss"):
                self.losses.setdefault(name.split("/")[1], []).append(value)

    def phase(self, text: str) -> None:
        print(text, flush=True)

    def part(self, share: float) -> None:
        pass

    def note(self, text: str) -> None:
        self._found = self._found or text.startswith("Going on with the learning rate ")

    def samples(self, step: int, rows: Any) -> None:
        pass

    def should_stop(self) -> bool:
        return self._searching and self._found


def measure(task: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Trains all rates on one data set with one seed."""
    from lamp.backbone.frozen import FrozenBackbone
    from lamp.config import LampConfig, TrainConfig, TuneConfig
    from lamp.data.column_roles import guess_columns
    from lamp.data.encoding import Encoder
    from lamp.data.splits import examples_of, prepare
    from lamp.data.tables import read_table
    from lamp.inference.evaluate import HeldOut, evaluate
    from lamp.training.sweep import sweep
    from lamp.training.train import Places, train

    split, count = TASKS[task]
    table = read_table(options.data / f"{task}.train.jsonl")
    data = replace(guess_columns(table), test_share=0.0)  # the rows to test on are in a file of their own
    splits = prepare(table, data)
    settings = TrainConfig(steps=options.steps, batch_size=options.batch, seed=seed)
    recipe = TuneConfig(str(options.backbone), data, LampConfig(), settings)
    recipes = [replace(recipe, train=replace(settings, learning_rate=rate)) for rate in _RATES]
    began = time.perf_counter()
    search = _UntilFound(searching=True)
    with tempfile.TemporaryDirectory() as folder:
        results = sweep(recipes, (), splits, _UntilFound(searching=False), Places(Path(folder) / "fixed"))
        found = train(recipe, splits, search, Path(folder) / "found").learning_rate
    seconds = time.perf_counter() - began

    backbone = FrozenBackbone.load(str(options.backbone))
    encoder = Encoder(backbone.tokenizer, is_encoder_decoder=backbone.is_encoder_decoder, config=data)
    examples = examples_of(read_table(options.data / f"{task}.{split}.jsonl"), data)[:count]
    scored = HeldOut(examples, encoder.encode(examples), tuple(splits.labels))
    accuracies = {
        f"{result.learning_rate:g}": evaluate(
            backbone, result.virtual_tokens.to(backbone.device), encoder, scored
        ).scores["accuracy"]
        for result in results
    }
    return {
        "task": task,
        "seed": seed,
        "backbone": Path(options.backbone).name,
        "steps": options.steps,
        "batch": options.batch,
        "found": f"{found:g}",
        "accuracy": accuracies,
        "compared": search.losses,
        "rows": len(examples),
        "seconds": round(seconds),
        "device": backbone.device.type,
        "dtype": str(backbone.dtype).removeprefix("torch."),
    }


def print_table(path: Path) -> None:
    """A Markdown table: mean accuracy of each rate and of the found one, and how far that is from the best."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rates = [f"{rate:g}" for rate in _RATES]
    print("| backbone | data set | seeds | " + " | ".join(rates) + " | found | which |")
    print("| --- " * (len(rates) + 5) + "|")
    for backbone, task in sorted({(row["backbone"], row["task"]) for row in rows}):
        own = [row for row in rows if (row["backbone"], row["task"]) == (backbone, task)]
        means = [_percent([row["accuracy"][rate] for row in own if rate in row["accuracy"]]) for rate in rates]
        found = _percent([row["accuracy"][row["found"]] for row in own])
        which = ", ".join(row["found"] for row in own)
        print(f"| {backbone} | {task} | {len(own)} | {' | '.join(means)} | {found} | {which} |")
    # The first cell was measured before 0.04 was trained beside the others.
    complete = [row for row in rows if set(rates) <= set(row["accuracy"])]
    mean = {rate: statistics.mean(row["accuracy"][rate] for row in complete) for rate in rates}
    best = max(mean, key=mean.__getitem__)
    regret = [row["accuracy"][row["found"]] - row["accuracy"][best] for row in complete]
    before = [row["accuracy"][row["found"]] - row["accuracy"][f"{_BEFORE:g}"] for row in complete]
    print(
        f"\nFound against the best fixed rate of all ({best}): {100 * statistics.mean(regret):+.1f} points on average, "
        f"{100 * min(regret):+.1f} at worst; against {_BEFORE:g}: {100 * statistics.mean(before):+.1f} on average."
    )


def _percent(values: list[float]) -> str:
    if not values:
        return "not measured"
    spread = f" ± {50 * (max(values) - min(values)):.1f}" if len(values) > 1 else ""
    return f"{100 * statistics.mean(values):.1f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--backbone", type=Path, default=OFFLINE)
    parser.add_argument("--results", type=Path, default=ROOT / "docs/rates.jsonl")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=["trec", "sst2"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--table", action="store_true", help="print what has been measured")
    options = parser.parse_args()
    if options.table:
        return print_table(options.results)
    if options.data is None:
        parser.error("--data is needed: the folder with sst2.train.jsonl and the others")
    keys = ("task", "seed", "backbone", "steps", "batch")
    lines = options.results.read_text().splitlines() if options.results.exists() else []
    done = {tuple(json.loads(line)[key] for key in keys) for line in lines}
    for seed in options.seeds:
        for task in options.tasks:
            if (task, seed, options.backbone.name, options.steps, options.batch) not in done:
                row = measure(task, seed, options)
                with options.results.open("a") as results:
                    results.write(json.dumps(row) + "\n")
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
