"""The learning rate that the search finds, against every fixed rate: accuracy on rows that chose nothing.

    python benchmarks/rates.py --data FOLDER [--backbone FOLDER] [--results docs/rates.jsonl] [--tasks trec sst2]
                               [--seeds 0 1 2] [--steps 200] [--batch 32]
    python benchmarks/rates.py --table [--results docs/rates.jsonl]

FOLDER holds sst2, trec, cb and rte as JSON lines. For each data set the prompts of all rates and seeds are trained side
by side to the end, as runs at a fixed rate would train them, and the best prompt of each is scored on the data set's
own validation or test rows. Then, for each seed, a search runs until it has found its rate: its winner goes on as the
prompt of that rate did. Data sets and seeds that are in the results are skipped.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from quality_cell import TASKS
from steps import OFFLINE, ROOT, device_name

from lamp.training.halving import LEARNING_RATES
from lamp.training.reporter import SilentReporter

_BEFORE = 0.04
"""The default before rates were found; trained beside the rates that a search tries."""
_RATES = tuple(sorted((*LEARNING_RATES, _BEFORE)))


class _UntilFound(SilentReporter):
    """Keeps the losses by which rates are compared, and stops a search that has found its rate."""

    def __init__(self, *, searching: bool) -> None:
        self.losses: dict[str, list[float]] = {}
        self._searching, self._found = searching, False

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            if name.startswith("search/") and name.endswith("/validation/loss"):
                self.losses.setdefault(name.split("/")[1], []).append(value)

    def phase(self, text: str) -> None:
        print(text, flush=True)

    def note(self, text: str) -> None:
        self._found = self._found or text.startswith("Going on with the learning rate ")

    def should_stop(self) -> bool:
        return self._searching and self._found


def measure(task: str, seeds: Sequence[int], options: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains all rates on one data set, with all seeds side by side, and lets a search of each seed find its rate."""
    from lamp.backbone.frozen import FrozenBackbone
    from lamp.config import LampConfig, TrainConfig, TuneConfig
    from lamp.data.column_roles import guess_columns
    from lamp.data.encoding import Encoder
    from lamp.data.splits import examples_of, prepare
    from lamp.data.tables import read_table
    from lamp.inference.evaluate import HeldOut, evaluate
    from lamp.training.train import Places, train, train_side_by_side

    split, count = TASKS[task]
    table = read_table(options.data / f"{task}.train.jsonl")
    data = replace(guess_columns(table), test_share=0.0)  # the rows to test on are in a file of their own
    splits = prepare(table, data)
    settings = TrainConfig(steps=options.steps, batch_size=options.batch)
    recipes = {
        seed: TuneConfig(str(options.backbone), data, LampConfig(), replace(settings, seed=seed)) for seed in seeds
    }
    began = time.perf_counter()
    searches = {seed: _UntilFound(searching=True) for seed in seeds}
    with tempfile.TemporaryDirectory() as folder:
        fixed = [
            replace(recipe, train=replace(recipe.train, learning_rate=rate))
            for recipe in recipes.values()
            for rate in _RATES
        ]
        end = train_side_by_side(fixed, (), splits, _UntilFound(searching=False), Places(Path(folder) / "fixed"))
        found = {
            seed: train(recipe, splits, searches[seed], Path(folder) / f"found-{seed}").learning_rate
            for seed, recipe in recipes.items()
        }
    seconds = time.perf_counter() - began

    backbone = FrozenBackbone.load(str(options.backbone))
    encoder = Encoder(backbone.tokenizer, is_encoder_decoder=backbone.is_encoder_decoder, config=data)
    examples = examples_of(read_table(options.data / f"{task}.{split}.jsonl"), data)[:count]
    scored = HeldOut(examples, encoder.encode(examples), tuple(splits.labels))
    accuracies: dict[int, dict[str, float]] = {seed: {} for seed in seeds}
    for candidate in end.run.candidates.all:
        train_settings = candidate.recipe.train
        virtual = candidate.best_prompt().forward().detach().to(backbone.device)
        accuracy = evaluate(backbone, virtual, encoder, scored).scores["accuracy"]
        accuracies[train_settings.seed][f"{train_settings.learning_rate:g}"] = accuracy
    return [
        {
            "task": task,
            "seed": seed,
            "backbone": Path(options.backbone).name,
            "steps": options.steps,
            "batch": options.batch,
            "found": f"{found[seed]:g}",
            "accuracy": accuracies[seed],
            "compared": searches[seed].losses,
            "rows": len(examples),
            "seconds": round(seconds),
            "device": device_name(),
            "dtype": str(backbone.dtype).removeprefix("torch."),
        }
        for seed in seeds
    ]


def print_table(path: Path) -> None:
    """Markdown tables: mean accuracy of each rate and of the found one, and how far that is from the best."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rates = [f"{rate:g}" for rate in _RATES]
    print("| device | backbone | data set | seeds | " + " | ".join(rates) + " | found | which |")
    print("| --- " * (len(rates) + 6) + "|")
    places = sorted({(row["device"], row["backbone"]) for row in rows})
    of_place = {place: [row for row in rows if (row["device"], row["backbone"]) == place] for place in places}
    for (device, backbone), of_all in of_place.items():
        for task in [task for task in TASKS if any(row["task"] == task for row in of_all)]:
            own = [row for row in of_all if row["task"] == task]
            means = [_percent([row["accuracy"][rate] for row in own if rate in row["accuracy"]]) for rate in rates]
            found = _percent([row["accuracy"][row["found"]] for row in own])
            which = ", ".join(row["found"] for row in own)
            print(f"| {device} | {backbone} | {task} | {len(own)} | {' | '.join(means)} | {found} | {which} |")
    for (device, backbone), of_all in of_place.items():
        # The first cell was measured before 0.04 was trained beside the others.
        if complete := [row for row in of_all if set(rates) <= set(row["accuracy"])]:
            print(f"\n{backbone} on {device}: {_verdict(complete, rates)}")


def _verdict(rows: Sequence[dict[str, Any]], rates: Sequence[str]) -> str:
    """How the found rates compare with the best fixed one of these rows and with the former default."""
    tasks = {row["task"] for row in rows}
    mean = {rate: statistics.mean(_mean(rows, task, rate) for task in tasks) for rate in rates}
    best = max(mean, key=mean.__getitem__)
    regret = [row["accuracy"][row["found"]] - row["accuracy"][best] for row in rows]
    before = [_mean(rows, task) - _mean(rows, task, f"{_BEFORE:g}") for task in tasks & {"trec", "sst2"}]
    against = f"; against {_BEFORE:g}, on TREC and SST-2: {100 * statistics.mean(before):+.1f}" if before else ""
    return (
        f"found against the best fixed rate of all ({best}): {100 * statistics.mean(regret):+.1f} points on average, "
        f"{100 * min(regret):+.1f} at worst{against}."
    )


def _mean(rows: Sequence[dict[str, Any]], task: str, rate: str = "") -> float:
    """Mean accuracy of a data set's rows at a rate, or at the one that each has found."""
    return statistics.mean(row["accuracy"][rate or row["found"]] for row in rows if row["task"] == task)


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
    keys = ("task", "seed", "backbone", "steps", "batch", "device")
    lines = options.results.read_text().splitlines() if options.results.exists() else []
    done = {tuple(json.loads(line)[key] for key in keys) for line in lines}
    for task in options.tasks:
        of_run = (options.backbone.name, options.steps, options.batch, device_name())
        seeds = [seed for seed in options.seeds if (task, seed, *of_run) not in done]
        for row in measure(task, seeds, options) if seeds else ():
            with options.results.open("a") as results:
                results.write(json.dumps(row) + "\n")
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
