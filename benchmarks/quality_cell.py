"""One cell of benchmarks/quality.py: a variant trained on a data set with one rate and seed, and its scores.

    python benchmarks/quality_cell.py FOLDER BACKBONE CELL

CELL is JSON with the fields of `Cell`; the scores are printed as a line of JSON. All variants share lamp's batches,
forward pass, schedule and scoring, and differ in what is trained; tests/unit/test_join.py shows that the forward pass
is PEFT's. At a fixed rate the prompt after the last step is scored. Where the rate is found, as a run of the studio
finds it among five, a tenth of the training rows is held out: they choose the rate and the best evaluation. In both
cases nothing is chosen on the rows that are scored.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from steps import device_name, peak_bytes

from lamp.config import Found

TASKS = {"sst2": ("validation", 400), "trec": ("test", 500), "cb": ("validation", 56), "rte": ("validation", 277)}
"""Data set → the split that is scored and how many of its first rows."""
_SETTLED = (4e-2,)
"""The rate at which LAMP's variants are compared: the one that served LAMP itself best."""


@dataclass(frozen=True)
class Variant:
    """What is trained, and at which rates; the table shows the best of them."""

    kind: str
    """"lamp", "plain" (a soft prompt's own rows, as PEFT's PromptTuning), "lora" or "none"."""
    rates: tuple[float | Found, ...] = _SETTLED
    lamp: dict[str, Any] = field(default_factory=dict)
    tokens: int = 20
    relative: bool = False
    """Rates are relative to each factor's initial root mean square."""
    diagonal: bool = True
    balanced: bool = False
    """The root of each singular value is in both factors, instead of all of it between them; for K = 1."""
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
    "LAMP, rate found": Variant("lamp", ("found",)),
    "LAMP, K=1, rate found": Variant("lamp", ("found",), {"interactions": 1}),
    "LAMP, K=1, root of q in U and V, rate found": Variant("lamp", ("found",), {"interactions": 1}, balanced=True),
    "LAMP, r=16, rate found": Variant("lamp", ("found",), {"rank": 16}),
    "LAMP, p=2, rate found": Variant("lamp", ("found",), {"pooling": 2}),
    "plain prompt, 20 tokens, rate found": Variant("plain", ("found",), tokens=20),
    "plain prompt, 100 tokens, rate found": Variant("plain", ("found",), tokens=100),
    "LoRA, r=8, rate found": Variant("lora", ("found",)),
}


@dataclass(frozen=True)
class Cell:
    """One run."""

    task: str
    variant: str
    rate: float | Found
    seed: int
    steps: int
    batch: int


def trained_module(backbone: Any, variant: Variant, labels: list[str], inputs: list[Any], seed: int) -> Any:
    """A module whose parameters are what the variant trains and whose call gives the virtual tokens, or None."""
    import torch

    from lamp.baselines.trained import LoraWeights, PlainPrompt
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

    if variant.kind in {"none", "lora"}:
        if variant.kind == "lora":
            from peft import LoraConfig, TaskType, get_peft_model

            get_peft_model(
                backbone.model,
                LoraConfig(task_type=TaskType.CAUSAL_LM, r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"]),
            )
        return LoraWeights([weight for weight in backbone.model.parameters() if weight.requires_grad])
    if variant.kind == "plain":
        config = LampConfig(prompt_length=variant.tokens, rank=1, pooling=1)
        return PlainPrompt(initial_prompt(backbone, config, labels, inputs, seed))
    config = LampConfig(**variant.lamp)
    made = LampPrompt if variant.diagonal else WithoutDiagonal
    prompt = made.from_matrix(initial_prompt(backbone, config, labels, inputs, seed), config)
    if not variant.balanced:
        return prompt
    u, q, v = (prompt.factors()[name] for name in "uqv")
    root = q.sqrt()
    return LampPrompt(u * root, torch.ones_like(q), root[:, None] * v, config.pooling, config.interactions)


def run_cell(cell: Cell, data: Path, folder: str) -> dict[str, Any]:
    """Trains and scores one cell, in this process."""
    import torch

    from lamp.backbone.frozen import FrozenBackbone
    from lamp.data.column_roles import guess_columns
    from lamp.data.encoding import Encoder
    from lamp.data.splits import examples_of, prepare
    from lamp.data.tables import read_table
    from lamp.inference.evaluate import HeldOut, evaluate

    variant = VARIANTS[cell.variant]
    split, count = TASKS[cell.task]
    table = read_table(data / f"{cell.task}.train.jsonl")
    config = replace(guess_columns(table), test_share=0.0)  # the rows to score are in a file of their own
    splits = prepare(table, config)
    learned = splits.train if cell.rate == "found" else examples_of(table, config)
    labels = list(splits.labels)
    scored = examples_of(read_table(data / f"{cell.task}.{split}.jsonl"), config)[:count]

    torch.manual_seed(cell.seed)
    backbone = FrozenBackbone.load(folder)
    weights: dict[str, Any] = {"labels": labels, "settled_weight": variant.end_weight}
    encoder = Encoder(backbone.tokenizer, is_encoder_decoder=False, config=config, **weights)
    rows = encoder.encode(learned)
    inputs = [row.input_ids for row in rows]
    module = trained_module(backbone, variant, labels, inputs, cell.seed).to(backbone.device)
    parameters = list(module.parameters())
    rate, seconds = cell.rate, 0.0
    if cell.rate == "found":
        validation = HeldOut(splits.validation, encoder.encode(splits.validation), tuple(labels))
        rate, seconds = train_at_found(cell, variant, module, backbone, encoder, rows, validation)
    elif parameters:
        seconds = train_at_fixed(cell, variant, module, backbone, encoder, rows)
    with torch.inference_mode():
        virtual = module()
        held_out = HeldOut(scored, encoder.encode(scored), tuple(labels))
        scores = evaluate(backbone, virtual, encoder, held_out).scores
    return {
        **asdict(cell),
        **{name: round(value, 4) for name, value in scores.items()},
        "found": rate if cell.rate == "found" else None,
        "rows": len(scored),
        "trainable": sum(p.numel() for p in parameters),
        "step_seconds": round(seconds, 4) if seconds else None,
        "peak_gb": round(peak_bytes() / 1e9, 2),
        "threads": torch.get_num_threads(),
        "dtype": str(backbone.dtype).removeprefix("torch."),
        "device": device_name(),
    }


def train_at_fixed(cell: Cell, variant: Variant, module: Any, backbone: Any, encoder: Any, rows: list[Any]) -> float:
    """Trains at the cell's rate. Returns the median seconds of a step."""
    import torch

    from lamp.config import TrainConfig
    from lamp.data.batching import batch_stream
    from lamp.training.step import train_step
    from lamp.training.train import schedule
    from lamp.training.trainer import PromptTrainer

    settings = TrainConfig(steps=cell.steps, batch_size=cell.batch)
    trainer = PromptTrainer.create(backbone, [module], partial(encoder.batch, device=backbone.device), settings)
    if variant.relative:
        parameters = list(module.parameters())
        sizes = [p.detach().float().square().mean().sqrt().item() for p in parameters]
        groups = [{"params": [p], "rate_scale": size} for p, size in zip(parameters, sizes, strict=True)]
        trainer.prompts[0].adamw, trainer.graphs = torch.optim.AdamW(groups, weight_decay=0.0), None
    stream = batch_stream([row.length for row in rows], cell.batch, cell.seed, 0)
    seconds = []
    for step in range(cell.steps):
        began = time.perf_counter()
        train_step(trainer, [rows[index] for index in next(stream)], float(cell.rate) * schedule(step, settings))
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def train_at_found(
    cell: Cell, variant: Variant, module: Any, backbone: Any, encoder: Any, rows: list[Any], validation: Any
) -> tuple[float, float]:
    """Trains at the best of five rates. Returns the rate, and the mean seconds of a step of one candidate."""
    from lamp.baselines.search import Training, train_at_found_rate
    from lamp.baselines.trained import LORA_RATES, PLAIN_RATES
    from lamp.config import TrainConfig
    from lamp.training.halving import LEARNING_RATES

    rates = {"lamp": LEARNING_RATES, "plain": PLAIN_RATES, "lora": LORA_RATES}[variant.kind]
    settings = TrainConfig(steps=cell.steps, batch_size=cell.batch, seed=cell.seed)
    shares: set[float] = set()
    training = Training(backbone, encoder, rows, validation, settings, lambda _: None)
    trained = train_at_found_rate(training, module, rates, shares.add)
    return trained.learning_rate, trained.seconds / len(shares)


if __name__ == "__main__":
    print(json.dumps(run_cell(Cell(**json.loads(sys.argv[3])), Path(sys.argv[1]), sys.argv[2])))
