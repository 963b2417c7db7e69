"""How long it takes from Start to the first step, and whether it is faster to tokenize while the weights load.

    python benchmarks/start.py [--backbone FOLDER] [--data FILE] [--times 1 20] [--turns 5]

The first table is of whole processes, as the studio starts one for each run: from the start of the process to each
phase of the run, and to the end of its first step. The second one is of two ways to get the backbone and the rows
ready, in turn in one process: one after the other, as a run does it, and the rows in a thread while the weights load;
the data set's rows are taken so many times over, each copy a little different. Medians of all turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from steps import OFFLINE, ROOT

from lamp.config import LampConfig, TrainConfig, TuneConfig
from lamp.process import prepare_process
from lamp.training.reporter import SilentReporter

_CHILD = "--child"


class FirstStep(Exception):
    """Raised after the first step, where the measurement ends."""


class Phases(SilentReporter):
    """Notes when each phase begins, and ends the run after its first step."""

    def __init__(self) -> None:
        self.began: dict[str, float] = {}

    def log(self, step: int, values: Mapping[str, float]) -> None:
        if "loss" in values:
            self.began["the end of the first step"] = time.time()
            raise FirstStep

    def phase(self, text: str) -> None:
        self.began.setdefault(text, time.time())


def run_child(backbone: str, data: str) -> None:
    """Starts a run up to its first step and prints when each of its phases began."""
    prepare_process()
    from lamp.data.column_roles import guess_columns
    from lamp.data.splits import prepare
    from lamp.data.tables import read_table
    from lamp.training.train import train

    table = read_table(Path(data))
    recipe = TuneConfig(backbone, guess_columns(table), LampConfig(), TrainConfig())
    reporter = Phases()
    reporter.phase("the libraries are imported, the table is read")
    with tempfile.TemporaryDirectory() as place:
        try:
            train(recipe, prepare(table, recipe.data), reporter, Path(place))
        except FirstStep:
            print(json.dumps(reporter.began))


def measure_processes(options: argparse.Namespace) -> None:
    """Prints the first table."""
    seconds: dict[str, list[float]] = {}
    for _ in range(options.turns):
        began = time.time()
        command = [sys.executable, __file__, _CHILD, str(options.backbone), str(options.data)]
        output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for phase, at in json.loads(output.splitlines()[-1]).items():
            seconds.setdefault(phase, []).append(at - began)
    print("| from Start to | seconds |\n| --- | --- |")
    for phase, taken in seconds.items():
        print(f"| {phase} | {statistics.median(taken):.1f} |", flush=True)


def measure_ways(options: argparse.Namespace) -> None:
    """Prints the second table."""
    prepare_process()
    from transformers import AutoTokenizer

    from lamp.data.column_roles import guess_columns
    from lamp.data.encoding import Encoder
    from lamp.data.splits import Example, prepare
    from lamp.data.tables import read_table
    from lamp.training.load_backbone import load_backbone

    table = read_table(options.data)
    recipe = TuneConfig(str(options.backbone), guess_columns(table), LampConfig(), TrainConfig())
    examples = prepare(table, recipe.data).train

    def encode(rows: Sequence[Example]) -> None:
        tokenizer: Any = AutoTokenizer.from_pretrained(options.backbone)  # each way reads it, as the backbone does
        Encoder(tokenizer, is_encoder_decoder=False, config=recipe.data).encode(rows)

    def in_turn(rows: Sequence[Example]) -> None:
        load_backbone(recipe, None)
        encode(rows)

    def together(rows: Sequence[Example]) -> None:
        with ThreadPoolExecutor(1) as thread:
            encoding = thread.submit(encode, rows)
            load_backbone(recipe, None)
            encoding.result()

    print("\n| rows | one after the other | at the same time |\n| --- | --- | --- |")
    for times in options.times:
        rows = [replace(one, text=f"{number} {one.text}") for number in range(times) for one in examples]
        taken: tuple[list[float], list[float]] = ([], [])
        for _ in range(options.turns + 1):
            for way, seconds in zip((in_turn, together), taken, strict=True):
                began = time.perf_counter()
                way(rows)
                seconds.append(time.perf_counter() - began)
        first, second = (f"{statistics.median(seconds[1:]):.2f} s" for seconds in taken)
        print(f"| {len(rows):,} | {first} | {second} |", flush=True)


def main() -> None:
    if sys.argv[1:2] == [_CHILD]:
        return run_child(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--backbone", type=Path, default=OFFLINE)
    parser.add_argument("--data", type=Path, default=ROOT / "app/data/samples/support-tickets.csv")
    parser.add_argument("--times", type=int, nargs="+", default=[1, 20])
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    measure_processes(options)
    measure_ways(options)


if __name__ == "__main__":
    main()
