"""Which recipe is best: accuracy of LAMP's variants, plain prompt tuning and LoRA on several data sets and seeds.

    python benchmarks/quality.py --data FOLDER [--backbone FOLDER] [--results docs/quality.jsonl]
                                 [--tasks sst2 trec] [--variants "LAMP" ...] [--seeds 0 1] [--steps 200] [--batch 8]
                                 [--rates 0.04] [--jobs 2]
    python benchmarks/quality.py --table [--steps 200] [--batch 8]

FOLDER holds sst2, trec, cb and rte as JSON lines. Every cell (data set, variant, rate, seed) runs in a process of its
own, so that its peak memory is its own, and appends one line to the results; cells that are there already are skipped,
so that hours of work can be interrupted. With --jobs, cells run beside each other and share the machine's threads:
small products gain little from a second thread, so two cells of one thread each are done sooner than two in turn.

The prompt after the last step is scored: nothing is chosen on the rows that it is scored on. All variants share lamp's
batches, forward pass, schedule and scoring, and differ in what is trained; tests/unit/test_join.py shows that the
forward pass is PEFT's.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from steps import OFFLINE, ROOT, peak_bytes

TASKS = {"sst2": ("validation", 400), "trec": ("test", 500), "cb": ("validation", 56), "rte": ("validation", 277)}
"""Data set → the split that is scored and how many of its first rows."""
_SETTLED = (4e-2,)
"""The rate at which LAMP's variants are compared: the one that served LAMP itself best."""


@dataclass(frozen=True)
class Variant:
    """What is trained, and at which rates; the table shows the best of them."""

    kind: str
    """"lamp", "plain" (a soft prompt's own rows, as PEFT's PromptTuning), "lora" or "none"."""
    rates: tuple[float, ...] = _SETTLED
    lamp: dict[str, Any] = field(default_factory=dict)
    tokens: int = 20
    relative: bool = False
    """Rates are relative to each factor's initial root mean square."""
    diagonal: bool = True
    end_weight: float = 0.1


VARIANTS = {
    "untrained": Variant("none", (0.0,)),
    "LAMP": Variant("lamp", (1e-2, 2e-2, 4e-2, 8e-2)),
    "LAMP, K=1": Variant("lamp", lamp={"interactions": 1}),
    "LAMP, K=3": Variant("lamp", lamp={"interactions": 3}),
    "LAMP, G without its diagonal": Variant("lamp", diagonal=False),
    "LAMP, r=4": Variant("lamp", lamp={"rank": 4}),
    "LAMP, r=16": Variant("lamp", lamp={"rank": 16}),
    "LAMP, p=2": Variant("lamp", lamp={"pooling": 2}),
    "LAMP, p=10": Variant("lamp", lamp={"pooling": 10}),
    "LAMP, from the label names": Variant("lamp", lamp={"initial": "labels"}),
    "LAMP, rates relative to size": Variant("lamp", (0.1, 0.3), relative=True),
    "LAMP, end token at full weight": Variant("lamp", end_weight=1.0),
    "LAMP, no end token": Variant("lamp", end_weight=0.0),
    "plain prompt, 20 tokens": Variant("plain", (5e-3, 1.5e-2, 4e-2), tokens=20),
    "plain prompt, 100 tokens": Variant("plain", (5e-3, 1.5e-2, 4e-2), tokens=100),
    "LoRA, r=8": Variant("lora", (3e-4, 1e-3, 3e-3)),
}


@dataclass(frozen=True)
class Cell:
    """One run."""

    task: str
    variant: str
    rate: float
    seed: int
    steps: int
    batch: int


def trained_module(backbone: Any, variant: Variant, labels: list[str], inputs: list[Any], seed: int) -> Any:
    """A module whose parameters are what the variant trains and whose call gives the virtual tokens, or None."""
    import torch
    from torch import nn

    from lamp.config import LampConfig
    from lamp.initializers import initial_prompt
    from lamp.prompt import LampPrompt

    class WithoutDiagonal(LampPrompt):
        def interaction(self) -> torch.Tensor:
            a = self.u * self.q
            g = a.T @ a
            g = (g - torch.diag(g.diagonal())) / g.diagonal().sum()
            m = identity = torch.eye(len(self.q))
            for _ in range(self.interactions - 1):
                m = identity + g @ m
            return m

    class Plain(nn.Module):
        def __init__(self, rows: torch.Tensor) -> None:
            super().__init__()
            self.rows = nn.Parameter(rows.clone())

        def forward(self) -> torch.Tensor:
            return self.rows

    class Adapter(nn.Module):
        def __init__(self, model: nn.Module) -> None:
            super().__init__()
            self.trained = nn.ParameterList([p for p in model.parameters() if p.requires_grad])

        def forward(self) -> None:
            return None

    if variant.kind in {"none", "lora"}:
        if variant.kind == "lora":
            from peft import LoraConfig, TaskType, get_peft_model

            get_peft_model(backbone.model, LoraConfig(
                task_type=TaskType.CAUSAL_LM, r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"]))
        return Adapter(backbone.model)
    if variant.kind == "plain":
        config = LampConfig(prompt_length=variant.tokens, rank=1, pooling=1)
        return Plain(initial_prompt(backbone, config, labels, inputs, seed))
    config = LampConfig(**variant.lamp)
    made = LampPrompt if variant.diagonal else WithoutDiagonal
    return made.from_matrix(initial_prompt(backbone, config, labels, inputs, seed), config)


def run_cell(cell: Cell, data: Path, folder: str) -> dict[str, Any]:
    """Trains and scores one cell, in this process."""
    import torch

    from lamp.backbone import FrozenBackbone
    from lamp.batching import batch_stream
    from lamp.config import TrainConfig
    from lamp.data import examples_of, guess_columns
    from lamp.encoding import Encoder
    from lamp.evaluate import HeldOut, evaluate
    from lamp.forward import target_log_likelihood
    from lamp.tables import read_table
    from lamp.train import schedule

    variant = VARIANTS[cell.variant]
    split, count = TASKS[cell.task]
    table = read_table(data / f"{cell.task}.train.jsonl")
    config = guess_columns(table.columns)
    training = examples_of(table, config)
    scored = examples_of(read_table(data / f"{cell.task}.{split}.jsonl"), config)[:count]
    labels = sorted({example.target for example in training})

    torch.manual_seed(cell.seed)
    backbone = FrozenBackbone.load(folder)
    encoder = Encoder(backbone.tokenizer, is_encoder_decoder=False, config=config, end_weight=variant.end_weight)
    rows = encoder.encode(training)
    module = trained_module(backbone, variant, labels, [row.input_ids for row in rows], cell.seed).to(backbone.device)
    parameters = list(module.parameters())
    sizes = [p.detach().float().square().mean().sqrt().item() if variant.relative else 1.0 for p in parameters]
    seconds = []
    if parameters:
        optimizer = torch.optim.AdamW([{"params": [p]} for p in parameters], weight_decay=0.0)
        settings = TrainConfig(steps=cell.steps)
        stream = batch_stream([row.length for row in rows], cell.batch, cell.seed, 0)
        for step in range(cell.steps):
            began = time.perf_counter()
            for group, size in zip(optimizer.param_groups, sizes, strict=True):
                group["lr"] = cell.rate * size * schedule(step, settings)
            optimizer.zero_grad(set_to_none=True)
            batch = encoder.batch([rows[number] for number in next(stream)], backbone.device)
            (-target_log_likelihood(backbone, module(), batch)).mean().backward()
            torch.nn.utils.clip_grad_norm_(parameters, settings.clip_norm)
            optimizer.step()
            seconds.append(time.perf_counter() - began)
    with torch.inference_mode():
        virtual = module()
        held_out = HeldOut(scored, encoder.encode(scored), tuple(labels))
        scores, _ = evaluate(backbone, virtual, encoder, held_out)
    return {
        **asdict(cell), **{name: round(value, 4) for name, value in scores.items()}, "rows": len(scored),
        "trainable": sum(p.numel() for p in parameters),
        "step_seconds": round(statistics.median(seconds), 3) if seconds else None,
        "peak_gb": round(peak_bytes() / 1e9, 2), "threads": torch.get_num_threads(),
    }


def cells(options: argparse.Namespace) -> list[Cell]:
    """All that is asked for: one seed of everything before the next seed."""
    return [
        Cell(task, name, rate, seed, 0 if VARIANTS[name].kind == "none" else options.steps, options.batch)
        for seed in options.seeds for name in options.variants for task in options.tasks
        for rate in VARIANTS[name].rates if not options.rates or rate in options.rates
        if seed == options.seeds[0] or VARIANTS[name].kind != "none"
    ]


def read_results(path: Path) -> list[dict[str, Any]]:
    """What has been measured so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def measure(options: argparse.Namespace) -> None:
    """Runs what is not in the results yet, one process a cell."""
    keys = list(asdict(Cell("", "", 0, 0, 0, 0)))
    done = {tuple(row[key] for key in keys) for row in read_results(options.results)}
    wanted = [cell for cell in cells(options) if tuple(asdict(cell).values()) not in done]
    threads = str(max(1, (os.cpu_count() or 1) // options.jobs))
    writing = Lock()

    def run(cell: Cell) -> None:
        command = [sys.executable, __file__, "--data", str(options.data), "--backbone", str(options.backbone),
                   "--cell", json.dumps(asdict(cell))]
        line = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "OMP_NUM_THREADS": threads}).stdout.strip()
        with writing, options.results.open("a") as results:
            results.write(line + "\n")
        print(line, file=sys.stderr, flush=True)

    print(f"{len(wanted)} cells to run, {len(done)} done before", file=sys.stderr, flush=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(run, wanted))


def print_table(path: Path, steps: int, batch: int) -> None:
    """A Markdown table of the runs of so many steps and rows a batch: each variant at its best rate.

    That is the rate of the best mean over data sets with the first seed, among those that were run on the most data
    sets: further seeds had no say in it.
    """
    rows = [row for row in read_results(path) if row["batch"] == batch and row["steps"] in (0, steps)]
    tasks = [task for task in TASKS if any(row["task"] == task for row in rows)]
    first = min(row["seed"] for row in rows)
    print("| variant | rate | " + " | ".join(tasks) + " | mean | runs | trainable | step | peak |")
    print("| --- " * (len(tasks) + 7) + "|")
    for name in VARIANTS:
        found = [row for row in rows if row["variant"] == name]
        if not found:
            continue
        by_rate = {rate: [row for row in found if row["rate"] == rate] for rate in {row["rate"] for row in found}}
        firsts = {rate: [row for row in ran if row["seed"] == first] for rate, ran in by_rate.items()}
        rate = max(firsts, key=lambda rate: (_tasks_of(firsts[rate]), _mean_of_tasks(firsts[rate])))
        best = by_rate[rate]
        columns = [_spread([row["accuracy"] for row in best if row["task"] == task]) for task in tasks]
        seconds = [row["step_seconds"] for row in best if row["step_seconds"]]
        print(f"| {name} | {rate:g} | " + " | ".join(columns) + f" | {100 * _mean_of_tasks(best):.1f} | {len(best)} "
              f"| {max(row['trainable'] for row in best):,} "
              f"| {f'{statistics.median(seconds):.2f} s' if seconds else ''} "
              f"| {max(row['peak_gb'] for row in best):.2f} GB |")


def _tasks_of(rows: list[dict[str, Any]]) -> int:
    return len({row["task"] for row in rows})


def _mean_of_tasks(rows: list[dict[str, Any]]) -> float:
    tasks = {row["task"] for row in rows}
    means = [statistics.mean(row["accuracy"] for row in rows if row["task"] == task) for task in tasks]
    return statistics.mean(means) if means else 0.0


def _spread(values: list[float]) -> str:
    if not values:
        return ""
    spread = f" ± {50 * (max(values) - min(values)):.1f}" if len(values) > 1 else ""
    return f"{100 * statistics.mean(values):.1f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--backbone", default=str(OFFLINE))
    parser.add_argument("--results", type=Path, default=ROOT / "docs/quality.jsonl")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rates", nargs="+", type=float, help="only these, of each variant's")
    parser.add_argument("--jobs", type=int, default=1, help="cells that run beside each other")
    parser.add_argument("--table", action="store_true", help="print what has been measured")
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.table:
        print_table(options.results, options.steps, options.batch)
    elif options.data is None:
        parser.error("--data is needed: the folder with sst2.train.jsonl and the others")
    elif options.cell:
        print(json.dumps(run_cell(Cell(**json.loads(options.cell)), options.data, options.backbone)))
    else:
        measure(options)


if __name__ == "__main__":
    main()
