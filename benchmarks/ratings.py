"""Ratings from 1 to 10 as labels beside ten words for the same texts: one of the labels ("1") begins another ("10").

    python benchmarks/ratings.py --data FOLDER [--backbone FOLDER] [--seeds 0] [--steps 200] [--batch 16]
        [--labels words letters ratings]

FOLDER holds sst2, trec and cb as JSON lines. Ten kinds of texts are told apart: TREC's six types of questions, SST-2's
two sentiments, and CB's premises whose hypothesis is entailed or contradicted. All runs have the same rows in the same
parts and differ in the names of the labels alone; the score is of the test rows. Letters from A to J are names that say
as little as ratings do, and of which none begins another.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from steps import OFFLINE

from lamp.training.reporter import SilentReporter

_ROWS = 86
"""Rows of each kind, of which CB and TREC's rarest type have no more."""

_KINDS = ["words", "letters", "ratings"]


class _Phases(SilentReporter):
    """Prints what is being done."""

    def phase(self, text: str) -> None:
        print(text, flush=True)


def texts_of(folder: Path) -> list[tuple[str, str]]:
    """(text, label) of ten kinds of texts, equally many of each, in random order."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for task in ("trec", "sst2"):
        for line in (folder / f"{task}.train.jsonl").open(encoding="utf-8"):
            row = json.loads(line)
            kinds[row["label"]].append(row["text"])
    for line in (folder / "cb.train.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        if row["label"] in ("entailment", "contradiction"):
            kinds["agreement" if row["label"] == "entailment" else "dispute"].append(
                f"{row['premise']} So: {row['hypothesis']}"
            )
    rng = random.Random(0)
    rows = [(text, kind) for kind, texts in sorted(kinds.items()) for text in rng.sample(texts, min(_ROWS, len(texts)))]
    rng.shuffle(rows)
    return rows


def accuracy(rows: list[tuple[str, str]], seed: int, options: argparse.Namespace) -> tuple[float, int]:
    """The accuracy of a prompt that is trained on these rows, and on how many test rows."""
    from lamp.config import DataConfig, LampConfig, TrainConfig, TuneConfig
    from lamp.data.splits import prepare
    from lamp.data.tables import Table
    from lamp.training.train import train

    table = Table(("text", "label"), [{"text": text, "label": label} for text, label in rows])
    data = DataConfig(("text",), "label", test_share=0.3)
    recipe = TuneConfig(
        str(options.backbone), data, LampConfig(), TrainConfig(steps=options.steps, batch_size=options.batch)
    )
    recipe = replace(recipe, train=replace(recipe.train, seed=seed))
    with tempfile.TemporaryDirectory() as folder:
        final = train(recipe, prepare(table, data), _Phases(), Path(folder)).final
    return final.scores["accuracy"], final.rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backbone", type=Path, default=OFFLINE)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--labels", nargs="+", choices=_KINDS, default=_KINDS)
    options = parser.parse_args()
    rows = texts_of(options.data)
    names = sorted({label for _, label in rows})
    kinds = {
        "words": dict(zip(names, names, strict=True)),
        "letters": {name: chr(ord("A") + number) for number, name in enumerate(names)},
        "ratings": {name: str(number) for number, name in enumerate(names, start=1)},
    }
    for seed in options.seeds:
        for kind in options.labels:
            share, count = accuracy([(text, kinds[kind][label]) for text, label in rows], seed, options)
            print(f"seed {seed}, labels as {kind}: {100 * share:.1f} % of {count} test rows", flush=True)


if __name__ == "__main__":
    main()
