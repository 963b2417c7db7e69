"""What finding the learning rate costs: whole runs at a fixed rate, with the search, and a sweep of eight, in turn.

    python benchmarks/search.py [--backbone FOLDER | --random SHAPE] [--data FILE]
                                [--steps 200] [--batch 32] [--turns 2] [--only found]

Each run loads the backbone, scores the untrained one, trains and scores, as the studio's runs do. The sweep has eight
rates between the lowest and the highest one that the search tries, and drops half of them at each rung. The table says
as well what share of a run is spent scoring: the untrained backbone, comparisons, held-out scores and the test at the
end. --random: an untrained model of a published shape (benchmarks/random_models.py) and rows of random words, for
machines without weights; --data: a table with rows to learn from; --only: the one variant to run.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from random_models import SHAPES, random_backbone, random_table
from steps import OFFLINE, ROOT

from lamp.config import LampConfig, TrainConfig, TuneConfig
from lamp.training.reporter import SilentReporter

_FIXED = 0.06
_NAMES = {"fixed": "a fixed rate", "found": "the rate is found", "sweep": "a sweep of 8"}


_SCORING = ("Scoring", "Comparing", "Testing")
"""What the phases begin with in which rows are scored."""


class PhaseTimes(SilentReporter):
    """Prints the phases and measures how long they take."""

    def __init__(self) -> None:
        self._now, self._since = "", time.perf_counter()
        self.seconds: dict[str, float] = {}

    @property
    def total(self) -> float:
        """Seconds since the start; the phase that went on until now is counted as well."""
        self._count()
        return sum(self.seconds.values())

    @property
    def scoring_share(self) -> float:
        """The share of the time that was spent scoring."""
        total = self.total
        return sum(taken for phase, taken in self.seconds.items() if phase.startswith(_SCORING)) / total

    def _count(self) -> None:
        now = time.perf_counter()
        self.seconds[self._now] = self.seconds.get(self._now, 0.0) + now - self._since
        self._since = now

    def phase(self, text: str) -> None:
        self._count()
        self._now = text
        print(f"  {text}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--backbone", type=Path, default=OFFLINE)
    parser.add_argument("--random", choices=SHAPES)
    parser.add_argument("--data", type=Path, default=ROOT / "app/data/samples/support-tickets.csv")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--only", choices=["fixed", "found", "sweep"])
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
    from lamp.training.sweep import sweep
    from lamp.training.train import Places, train

    table = read_table(options.data)
    settings = TrainConfig(steps=options.steps, batch_size=options.batch)
    recipe = TuneConfig(str(options.backbone), guess_columns(table), LampConfig(), settings)
    splits = prepare(table, recipe.data)
    fixed = replace(recipe, train=replace(settings, learning_rate=_FIXED))
    eight = [replace(recipe, train=replace(settings, learning_rate=0.01 * 32 ** (number / 7))) for number in range(8)]
    variants: dict[str, Callable[[PhaseTimes, Path], Any]] = {
        "fixed": lambda reporter, place: train(fixed, splits, reporter, place),
        "found": lambda reporter, place: train(recipe, splits, reporter, place),
        "sweep": lambda reporter, place: sweep(eight, rungs(8, options.steps), splits, reporter, Places(place)),
    }
    if options.only:
        variants = {options.only: variants[options.only]}
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    shares: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(options.turns):
        for name, run in variants.items():
            print(name, flush=True)
            with tempfile.TemporaryDirectory() as place:
                reporter = PhaseTimes()
                run(reporter, Path(place))
                seconds[name].append(reporter.total)
                shares[name].append(reporter.scoring_share)
    base = statistics.median(next(iter(seconds.values())))
    print("\n| run | seconds | of the first one's | share spent scoring |\n| --- | --- | --- | --- |")
    for name, taken in seconds.items():
        each, median = ", ".join(f"{one:.0f}" for one in taken), statistics.median(taken)
        print(f"| {_NAMES[name]} | {each} | {median / base:.2f} | {statistics.median(shares[name]):.2f} |")


if __name__ == "__main__":
    main()
