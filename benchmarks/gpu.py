"""A training step of LAMP against PEFT's prompt tuning on a CUDA device, at the size of real backbones.

    python benchmarks/gpu.py [--shapes smollm2-135m t5-large ...] [--loads sst2 16x128] [--steps 20] [--profile]

Models have random weights: they compute as fast as trained ones, and nothing has to be downloaded. LAMP's step is
measured twice, launched by Python and recorded as a CUDA graph; PEFT's is the barest loop there is. Each load is a
batch of rows: 32 of the lengths that rows of SST-2 have, or 16 of 128 tokens. Prints one Markdown table: the median
step, its share of PEFT's, the peak of the device's memory, and the share of the device's matrix rate (that of one large
product) which the step's own products reach, forwards, and backwards to the activations alone; padding is not counted.
`--shapes tiny` goes through the same lines on any machine in a few seconds; its numbers say nothing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from random_models import SHAPES, random_model

from lamp.process import prepare_process  # found by the line above

VIRTUAL, PLAIN, TARGET = 20, 100, 2
"""Tokens: of LAMP's pooled prompt, of PEFT's, and of a target (a label and its end)."""

LOADS = {
    "sst2": [
        *(30, 20, 49, 26, 37, 26, 24, 23, 32, 11, 30, 33, 38, 23, 20, 26),
        *(32, 34, 16, 23, 27, 15, 27, 54, 40, 30, 36, 8, 33, 15, 39, 9),
    ],
    "16x128": [128] * 16,
}
"""Input tokens of each row; those of SST-2 are its first 32 training rows under SmolLM2's tokenizer."""


def random_rows(vocabulary: int, lengths: Sequence[int]) -> list[Any]:
    """Rows of these input lengths as training has them."""
    from lamp.data.encoding import Encoded

    torch.manual_seed(0)
    ids = [torch.randint(3, vocabulary, (length + TARGET,)).tolist() for length in lengths]
    return [Encoded(tuple(row[:-TARGET]), tuple(row[-TARGET:])) for row in ids]


def lamp_trainer(model: Any, rows: list[Any], *, recorded: bool) -> Any:
    """What a training step of LAMP's default prompt works with."""
    from types import SimpleNamespace

    from lamp.backbone.frozen import FrozenBackbone
    from lamp.config import DataConfig, LampConfig, TrainConfig
    from lamp.data.encoding import Encoder
    from lamp.prompt import LampPrompt
    from lamp.training.trainer import PromptTrainer

    tokenizer: Any = SimpleNamespace(
        pad_token_id=0, eos_token_id=1, added_tokens_decoder={}, chat_template=None, is_fast=False
    )
    frozen = FrozenBackbone(model, tokenizer, "random")
    encoder = Encoder(tokenizer, is_encoder_decoder=frozen.is_encoder_decoder, config=DataConfig())
    first = frozen.embed(torch.arange(100, device=frozen.device)).detach()
    prompt = LampPrompt.from_matrix(first, LampConfig())
    settings = TrainConfig(batch_size=len(rows))
    trainer = PromptTrainer.create(frozen, [prompt], lambda some: encoder.batch(some, frozen.device), settings, print)
    if not recorded:
        trainer.graphs = None
    return trainer


def peft_step(model: Any, rows: list[Any]) -> Callable[[], object]:
    """One step of stock PEFT: padded ids and labels in, the model's own loss out."""
    from peft import PromptTuningConfig, TaskType, get_peft_model
    from torch.nn.utils.rnn import pad_sequence

    seq2seq = bool(model.config.is_encoder_decoder)
    kind = TaskType.SEQ_2_SEQ_LM if seq2seq else TaskType.CAUSAL_LM
    tuned = get_peft_model(model, PromptTuningConfig(task_type=kind, num_virtual_tokens=PLAIN))
    trained = [p for p in tuned.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-2, weight_decay=0.0)
    inputs = [row.input_ids if seq2seq else (*row.input_ids, *row.target_ids) for row in rows]
    answers = [row.target_ids if seq2seq else (*[-100] * len(row.input_ids), *row.target_ids) for row in rows]

    def step() -> float:
        ids = pad_sequence([torch.tensor(row) for row in inputs], batch_first=True).to(model.device)
        mask = pad_sequence([torch.ones(len(row), dtype=torch.long) for row in inputs], batch_first=True).to(
            model.device
        )
        labels = pad_sequence([torch.tensor(row) for row in answers], batch_first=True, padding_value=-100).to(
            model.device
        )
        optimizer.zero_grad(set_to_none=True)
        loss = tuned(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        return float(loss.detach())

    return step


def measure(step: Callable[[], object], steps: int, cuda: bool) -> tuple[float, float]:
    """Median seconds of a step, and the peak of the device's memory in GB (0 without CUDA)."""
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    for index in range(steps + 5):
        began = time.perf_counter()
        step()  # reads its loss, and so waits for the device
        if cuda:
            torch.cuda.synchronize()
        if index >= 5:
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), torch.cuda.max_memory_allocated() / 1e9 if cuda else 0.0


def print_profile(step: Callable[[], object]) -> None:
    """What the device does in a step, by PyTorch's profiler: the kernels that take longest."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        for _ in range(3):
            step()
        torch.cuda.synchronize()
    kernels = sorted(profiler.key_averages(), key=lambda kernel: -kernel.device_time_total)
    total, count = sum(kernel.device_time_total for kernel in kernels), sum(kernel.count for kernel in kernels)
    print(f"\n{count / 3:.0f} kernels a step take {total / 3e3:.1f} ms:\n")
    for kernel in kernels[:20]:
        print(f"{kernel.device_time_total / 3e3:.3f} ms in {kernel.count / 3:.0f}: {kernel.key[:100]}")
    print()


def operations(model: Any, lengths: Sequence[int]) -> float:
    """Floating-point operations that LAMP's step cannot do without: products with the weights, both ways."""
    head = model.get_output_embeddings().weight.numel()
    count = sum(lengths)
    if model.config.is_encoder_decoder:
        encoder = sum(p.numel() for p in model.get_encoder().block.parameters())
        decoder = sum(p.numel() for p in model.get_decoder().block.parameters())
        products = encoder * (count + VIRTUAL * len(lengths)) + (decoder + head) * TARGET * len(lengths)
    else:
        layers = sum(p.numel() for p in model.base_model.layers.parameters())
        products = layers * (count + len(lengths) * (TARGET - 1) + VIRTUAL) + head * TARGET * len(lengths)
    return 4.0 * products


def matrix_rate(device: str, dtype: torch.dtype) -> float:
    """Floating-point operations a second of one large product."""
    size = 8192 if device == "cuda" else 512
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in "ab")
    taken = []
    for _ in range(12):
        began = time.perf_counter()
        torch.matmul(left, right)
        if device == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - began)
    return 2 * size**3 / statistics.median(taken[2:])


def measure_load(model: Any, shape: str, load: str, steps: int, rate: float, *, profiled: bool) -> None:
    """Measures every step on one load and prints its lines of the table; rate: as `matrix_rate` gives it."""
    from lamp.training.step import train_step

    cuda = model.device.type == "cuda"
    rows = random_rows(model.config.vocab_size, LOADS[load])
    usual, peak_usual = measure(peft_step(model, rows), steps, cuda)
    print(
        f"| {shape} | {load} | PEFT PromptTuning, 100 tokens | {1000 * usual:.1f} ms | | {peak_usual:.2f} GB | | |",
        flush=True,
    )
    for recorded in (False, True):
        trainer = lamp_trainer(model, rows, recorded=recorded)
        took, peak = measure(partial(train_step, trainer, rows, 1e-2), steps, cuda)
        how = "launched by Python"
        if trainer.graphs is not None:
            how = "recorded, in one pass" if trainer.graphs.way else "recorded"
        print(
            f"| {shape} | {load} | LAMP, {how} | {1000 * took:.1f} ms | {took / usual:.2f} | {peak:.2f} GB "
            f"| {peak / (peak_usual or 1.0):.2f} | {operations(model, LOADS[load]) / took / rate:.3f} |",
            flush=True,
        )
        if profiled and recorded:
            print_profile(partial(train_step, trainer, rows, 1e-2))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--shapes", nargs="+", choices=list(SHAPES), default=[name for name in SHAPES if name != "tiny"]
    )
    parser.add_argument("--loads", nargs="+", choices=list(LOADS), default=list(LOADS))
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--profile", action="store_true", help="list the kernels of recorded steps as well")
    options = parser.parse_args()
    prepare_process()
    cuda = torch.cuda.is_available()
    if not cuda and options.shapes != ["tiny"]:
        print("There is no CUDA device here, so nothing was measured: run this where there is one.")
        return
    device, dtype = ("cuda", torch.bfloat16) if cuda else ("cpu", torch.float32)
    rate = matrix_rate(device, dtype)
    where = torch.cuda.get_device_name() if cuda else "CPU"
    print(f"{where}, {dtype}, PyTorch {torch.__version__}, one product at {rate / 1e12:.0f} TFLOP/s\n")
    print("| backbone | rows | step | time | of PEFT's | peak memory | of PEFT's | share of the matrix rate |")
    print("| --- " * 8 + "|")
    for shape in options.shapes:
        model = random_model(shape, device, dtype)
        for load in options.loads:
            measure_load(model, shape, load, options.steps, rate, profiled=options.profile and cuda)
        del model


if __name__ == "__main__":
    main()
