"""A training step of LAMP against PEFT's prompt tuning: time and peak memory, side by side in one run.

    python benchmarks/step_time.py [--backbone FOLDER] [--data FILE] [--steps 20] [--batch 8] [--only KIND ...]

Each variant lives in a process of its own, so that its peak memory is its own; the processes take turns, one step
each, over the same rows, so that a busy machine slows all of them alike. PEFT is measured twice: in the barest loop
there is, and as most people run it, through transformers' Trainer, with bf16 where the machine multiplies it (elsewhere
all variants compute in float32). LAMP is measured twice too: on PEFT's own batches, which are consecutive rows as a
shuffle would give them, and on the batches that lamp.train makes of the same rows, which are of similar length.

The table has the median step, and shares of the time that all rows took together. The last lines say which share of the
machine's own matrix rate our steps reach: floating-point operations that they cannot do without (matrix products of the
rows' tokens, of the virtual tokens once a step and of the targets' logits, forwards and backwards to the activations
alone; neither attention nor padding is counted) over their time, over the rate of one large product.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ROOT = Path(__file__).resolve().parent.parent
WARM_UP = 2
"""Steps of each variant that are not measured."""
OFFLINE = ROOT / "studio-data/backbones/HuggingFaceTB--SmolLM2-135M-Instruct"
SIMILAR = "LAMP, 20 virtual tokens, its own batches"
SAME = "LAMP, 20 virtual tokens, PEFT's batches"
VARIANTS = {
    SIMILAR: ("lamp", 20),
    SAME: ("lamp", 20),
    "PEFT PromptTuning, 20 tokens": ("peft", 20),
    "PEFT PromptTuning, 100 tokens": ("peft", 100),
    "PEFT through Trainer, 20 tokens": ("trainer", 20),
    "PEFT through Trainer, 100 tokens": ("trainer", 100),
}


def rows_of(data: Path, backbone: str) -> tuple[Any, list[Any]]:
    """The studio's encoder and the encoded training rows of a data set, the same for every variant."""
    from transformers import AutoTokenizer

    from lamp.data import guess_columns, prepare
    from lamp.encoding import Encoder
    from lamp.tables import read_table

    table = read_table(data)
    config = guess_columns(table.columns)
    encoder = Encoder(AutoTokenizer.from_pretrained(backbone), is_encoder_decoder=False, config=config)
    return encoder, encoder.encode(prepare(table, config).train)


def lamp_step(
    backbone: str, encoder: Any, rows: list[Any], quantization: Any = "none", *, recomputed: bool = False,
    compiled: bool = False,
) -> Callable[[list[int]], None]:
    """One step exactly as lamp.train takes it."""
    import torch

    from lamp.backbone import FrozenBackbone
    from lamp.config import LampConfig, TrainConfig
    from lamp.forward import target_log_likelihood
    from lamp.initializers import initial_prompt
    from lamp.prompt import LampPrompt
    from lamp.recompute import recompute_layers

    frozen = FrozenBackbone.load(backbone, quantization=quantization)
    if recomputed:
        recompute_layers(frozen.model)
    if compiled:
        frozen.compile()
    config = LampConfig()
    first = initial_prompt(frozen, config, (), [row.input_ids for row in rows], 0)
    prompt = LampPrompt.from_matrix(first, config).to(frozen.device)
    optimizer = torch.optim.AdamW(prompt.parameters(), lr=TrainConfig().learning_rate, weight_decay=0.0)

    def step(numbers: list[int]) -> None:
        optimizer.zero_grad(set_to_none=True)
        batch = encoder.batch([rows[number] for number in numbers], frozen.device)
        (-target_log_likelihood(frozen, prompt(), batch)).mean().backward()
        torch.nn.utils.clip_grad_norm_(prompt.parameters(), 1.0)
        optimizer.step()

    return step


def peft_step(backbone: str, encoder: Any, rows: list[Any], tokens: int) -> Callable[[list[int]], None]:
    """One step of stock PEFT on a stock model: padded ids and labels in, the model's own loss out."""
    import torch
    from peft import PromptTuningConfig, TaskType, get_peft_model
    from transformers import AutoModelForCausalLM

    from lamp.hardware import choose_dtype, default_device

    device = default_device()
    dtype = choose_dtype("auto", device, "llama")
    model = AutoModelForCausalLM.from_pretrained(backbone, dtype=dtype).to(device)
    tuned = get_peft_model(model, PromptTuningConfig(task_type=TaskType.CAUSAL_LM, num_virtual_tokens=tokens))
    optimizer = torch.optim.AdamW([p for p in tuned.parameters() if p.requires_grad], lr=5e-3, weight_decay=0.0)

    def step(numbers: list[int]) -> None:
        optimizer.zero_grad(set_to_none=True)
        chosen = [rows[number] for number in numbers]
        longest = max(row.length for row in chosen)
        ids = torch.zeros(len(chosen), longest, dtype=torch.long)
        mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
        for number, row in enumerate(chosen):
            ids[number, : row.length] = torch.tensor([*row.input_ids, *row.target_ids])
            mask[number, : row.length] = 1
            labels[number, len(row.input_ids) : row.length] = torch.tensor(row.target_ids)
        loss = tuned(input_ids=ids.to(device), attention_mask=mask.to(device), labels=labels.to(device)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tuned.parameters(), 1.0)
        optimizer.step()

    return step


class _NoMoreTurns(Exception):
    """The parent process has seen enough steps."""


def run_trainer(connection: Any, tokens: int, backbone: str, rows: list[Any], batch: int) -> None:
    """Stock PEFT in transformers' Trainer on consecutive rows; every step waits for its turn and tells its seconds."""
    import torch
    from peft import PromptTuningConfig, TaskType, get_peft_model
    from torch.utils.data import SequentialSampler
    from transformers import (
        AutoModelForCausalLM,
        AutoTokenizer,
        DataCollatorForSeq2Seq,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    class Turns(TrainerCallback):
        began = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            if connection.recv() is None:
                raise _NoMoreTurns
            self.began = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            connection.send(time.perf_counter() - self.began)

    class InOrder(Trainer):
        def _get_train_sampler(self, *_: Any) -> SequentialSampler:
            return SequentialSampler(self.train_dataset)

    examples = [{"input_ids": [*row.input_ids, *row.target_ids], "attention_mask": [1] * row.length,
                 "labels": [-100] * len(row.input_ids) + list(row.target_ids)} for row in rows]
    from lamp.hardware import choose_dtype, default_device

    dtype = choose_dtype("auto", default_device(), "llama")
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(backbone, dtype=dtype),
                           PromptTuningConfig(task_type=TaskType.CAUSAL_LM, num_virtual_tokens=tokens))
    with TemporaryDirectory() as folder, suppress(_NoMoreTurns):
        settings = TrainingArguments(
            folder, per_device_train_batch_size=batch, bf16=dtype == torch.bfloat16,
            use_cpu=not torch.cuda.is_available(),
            report_to=[], save_strategy="no", disable_tqdm=True)
        InOrder(model, settings, train_dataset=examples, callbacks=[Turns()],
                data_collator=DataCollatorForSeq2Seq(AutoTokenizer.from_pretrained(backbone))).train()


def serve(connection: Any, kind: str, tokens: int, backbone: str, data: Path, batch: int) -> None:
    """A variant's process: takes row numbers, answers with the seconds of one step; at None with its peak memory."""
    encoder, rows = rows_of(data, backbone)
    connection.send([(row.length, len(row.target_ids)) for row in rows])
    if kind == "trainer":
        run_trainer(connection, tokens, backbone, rows, batch)
    else:
        step = lamp_step(backbone, encoder, rows) if kind == "lamp" else peft_step(backbone, encoder, rows, tokens)
        take_turns(connection, step)
    connection.send(peak_bytes())


def peak_bytes() -> int:
    """The peak of this process' memory, on the GPU where there is one."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def take_turns(connection: Any, step: Callable[[list[int]], None]) -> None:
    """Takes one step for each list of row numbers that comes, and tells its seconds, until None comes."""
    import torch

    while (numbers := connection.recv()) is not None:
        began = time.perf_counter()
        step(numbers)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        connection.send(time.perf_counter() - began)


def batches(rows: int, batch: int) -> Iterator[list[int]]:
    """Consecutive rows: neither sorted by length nor chosen."""
    start = 0
    while True:
        yield [(start + number) % rows for number in range(batch)]
        start += batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--backbone", default=str(OFFLINE))
    parser.add_argument("--data", type=Path, default=ROOT / "samples/support-tickets.csv")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=8)
    kinds = ("lamp", "peft", "trainer")
    parser.add_argument("--only", nargs="+", choices=kinds, default=kinds)
    arguments = parser.parse_args()
    from lamp.batching import batches_of_epoch

    context = multiprocessing.get_context("spawn")
    connections, processes = {}, []
    sizes: list[tuple[int, int]] = []
    variants = {name: given for name, given in VARIANTS.items() if given[0] in arguments.only}
    for name, (kind, tokens) in variants.items():
        here, there = context.Pipe()
        given = (there, kind, tokens, arguments.backbone, arguments.data, arguments.batch)
        process = context.Process(target=serve, args=given, daemon=True)
        process.start()
        sizes = here.recv()
        connections[name], processes = here, [*processes, process]
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    consecutive = list(islice(batches(len(sizes), arguments.batch), arguments.steps + WARM_UP))
    rows = sorted({row for numbers in consecutive[WARM_UP:] for row in numbers})
    similar = batches_of_epoch([sizes[row][0] for row in rows], arguments.batch, seed=0, epoch=0)
    own = consecutive[:WARM_UP] + [[rows[number] for number in numbers] for numbers in similar]
    for turn in range(arguments.steps + WARM_UP):
        for name, connection in connections.items():
            connection.send((own if name == SIMILAR else consecutive)[turn])
            took = connection.recv()
            if turn >= WARM_UP:
                seconds[name].append(took)
    memory = {}
    for name, connection in connections.items():
        connection.send(None)
        memory[name] = connection.recv()
    report(seconds, memory)
    read = sum(sizes[row][0] for row in rows) + VARIANTS[SAME][1] * arguments.steps
    predicted = sum(sizes[row][1] for row in rows)
    if SAME in seconds:
        taken = {name: sum(seconds[name]) for name in (SIMILAR, SAME)}
        report_share(arguments.backbone, arguments.batch, read, predicted, taken)


def report_share(backbone: str, batch: int, read: int, predicted: int, seconds: dict[str, float]) -> None:
    """The share of the measured matrix rate that our steps reach; the processes are idle, so the machine is free.

    read: tokens that go through the layers; predicted: tokens whose logits are needed; seconds: that all steps took.
    """
    import torch
    from transformers import AutoConfig

    from lamp.catalog import inspect
    from lamp.hardware import choose_dtype, default_device

    device = default_device()
    info, config = inspect(backbone), AutoConfig.from_pretrained(backbone)
    dtype = choose_dtype("auto", device, "llama")
    head = config.vocab_size * info.hidden_size
    layers = info.parameters - head * (1 if config.tie_word_embeddings else 2)
    operations = 2 * 2 * (read * layers + predicted * head)  # a product and a sum a weight, and the same backwards
    size = 2048 if device.type == "cpu" else 8192
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in "ab")
    taken = []
    for _ in range(12):
        began = time.perf_counter()
        torch.matmul(left, right).sum().item()
        taken.append(time.perf_counter() - began)
    rate = 2 * size**3 / statistics.median(taken[2:])
    for name, took in seconds.items():
        reached = operations / took
        print(f"{name}, {batch} rows: {reached / 1e9:.0f} GFLOP/s of the {rate / 1e9:.0f} that one product of {size} x "
              f"{size} reaches in {dtype}, {reached / rate:.2f} of it.")


def report(seconds: dict[str, list[float]], memory: dict[str, int]) -> None:
    """A table for people, and the same as one JSON line."""
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    print("| variant | median step | all rows | LAMP's time, own batches | LAMP's time, same batches | peak memory "
          "| LAMP's memory |")
    print("| --- " * 7 + "|")
    for name, taken in seconds.items():
        alone = VARIANTS[name][0] == "lamp" or SAME not in seconds
        shares = ["" if alone else f"{sum(seconds[ours]) / sum(taken):.2f} of it"
                  for ours in (SIMILAR, SAME)]
        less = "" if alone else f"{memory[SAME] / memory[name]:.2f} of it"
        print(f"| {name} | {medians[name]:.3f} s | {sum(taken):.1f} s | {' | '.join(shares)} "
              f"| {memory[name] / 1e9:.2f} GB | {less} |")
    print(json.dumps({"median_seconds": medians, "peak_bytes": memory, "steps": len(next(iter(seconds.values())))}))


if __name__ == "__main__":
    main()
