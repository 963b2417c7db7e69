"""What is told of a run before it starts, beside what it then takes: time and memory of several recipes.

    python benchmarks/quote.py [--backbone FOLDER] [--data FILE] [--steps 40] [--turns 1]

For each recipe a process measures and ends, as on the Tune page, then another one trains, as on the command line. The
time of a run is from the start of its process to its end; its memory is the peak of the process, or of the card where
it computes on one. The last column is the share of the processor that other programs took while it was measured, and
while it ran: only where both are small do the times say something.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

from steps import OFFLINE, ROOT, parse_rate

from lamp.config import LampConfig, TrainConfig, TuneConfig
from lamp.training.other_programs import OtherPrograms
from lamp.training.quote import Measured

_COLUMNS = ["rows a batch, rate", "measured: time", "run: time", "off by"]
_COLUMNS += ["measured: memory", "run: memory", "off by", "other programs"]
_QUIET = 0.1
"""Share of the processor that other programs may take for a comparison to count."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--backbone", type=Path, default=OFFLINE)
    parser.add_argument("--data", type=Path, default=ROOT / "app/data/samples/support-tickets.csv")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--turns", type=int, default=1, help="at most, until other programs take little")
    parser.add_argument("--rates", nargs="+", type=parse_rate, default=[0.06, "found"], help="of the recipes")
    parser.add_argument("--batches", nargs="+", type=int, default=[8, 32], help="rows a batch of the recipes")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        return train_in_this_process(options.run, options.data)
    if options.one:
        return print(json.dumps(measured(options.one, options.data).to_dict()))
    print(f"| {' | '.join(_COLUMNS)} |\n|{' --- |' * len(_COLUMNS)}")
    for batch, rate in product(options.batches, options.rates):
        for _ in range(options.turns):
            if max(compare(options, recipe_of(options, batch, rate))) < _QUIET:
                break


def compare(options: argparse.Namespace, recipe: TuneConfig) -> tuple[float, float]:
    """Measures and runs a recipe and prints its line. Returns the shares that other programs took meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "recipe.json"
        file.write_text(json.dumps(recipe.to_dict()))
        again = [sys.executable, __file__, "--one", str(file), "--data", str(options.data)]
        others = OtherPrograms()
        quote = Measured.from_dict(json.loads(subprocess.check_output(again)))
        while_measured, others = others.share(), OtherPrograms()
        seconds, memory = run(file, options.data)
        while_run = others.share()
    told, needed = quote.seconds(recipe.train), quote.memory(recipe.train)
    print(
        f"| {recipe.train.batch_size}, {recipe.train.learning_rate} "
        f"| {told:.0f} s | {seconds:.0f} s | {told / seconds - 1:+.0%} "
        f"| {needed / 1e9:.2f} GB | {memory / 1e9:.2f} GB | {needed / memory - 1:+.0%} "
        f"| {while_measured:.0%}, {while_run:.0%} |",
        flush=True,
    )
    return while_measured, while_run


def recipe_of(options: argparse.Namespace, batch: int, rate: float | str) -> TuneConfig:
    """The default recipe with this batch and rate."""
    from lamp.data.column_roles import guess_columns
    from lamp.data.tables import read_table

    train = {"steps": options.steps, "evaluate_every": 20, "batch_size": batch, "learning_rate": rate}
    columns = guess_columns(read_table(options.data))
    recipe = TuneConfig(str(options.backbone), columns, LampConfig(), TrainConfig())
    return TuneConfig.from_dict({**recipe.to_dict(), "train": {**recipe.to_dict()["train"], **train}})


def measured(recipe_file: Path, data: Path) -> Measured:
    """What is measured in this process."""
    began = time.perf_counter()
    from lamp.data.splits import prepare
    from lamp.data.tables import read_table
    from lamp.training.measuring import measure

    recipe = TuneConfig.from_dict(json.loads(recipe_file.read_text()))
    return measure(recipe, prepare(read_table(data), recipe.data), began)


def run(recipe_file: Path, data: Path) -> tuple[float, int]:
    """Seconds and bytes at the peak of a run."""
    command = [sys.executable, __file__, "--run", str(recipe_file), "--data", str(data)]
    began = time.perf_counter()
    output = subprocess.check_output(command, stderr=subprocess.DEVNULL, text=True)
    return time.perf_counter() - began, int(output.splitlines()[-1])


def train_in_this_process(recipe_file: Path, data: Path) -> None:
    """Trains as the command line does, and prints the peak of memory last: of the card where there is one."""
    from lamp.backbone.devices import default_device
    from lamp.cli import main as command_line
    from lamp.training.peak_memory import peak_memory

    with tempfile.TemporaryDirectory() as out:
        status = command_line(["train", str(recipe_file), "--data", str(data), "--out", out])
    if status:
        raise SystemExit(f"The run ended with status {status}.")
    print(peak_memory(default_device()))


if __name__ == "__main__":
    main()
