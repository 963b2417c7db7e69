"""LAMP against PEFT's prompt tuning on a CUDA device, at the size of real backbones with random weights.

    python benchmarks/gpu.py [--shapes t5-large llama-2-7b] [--batch 16] [--length 128] [--steps 30]

Random weights compute as fast as trained ones, and nothing has to be downloaded. Prints one Markdown table: rows and
tokens a second (of the rows, virtual tokens not counted) and the peak of the device's memory. `--shapes tiny` goes
through the same lines on any machine in a few seconds; its numbers say nothing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lamp.process import prepare_process  # found by the line above

TARGET = 2
"""Tokens of a target: a label and its end."""
VARIANTS = {"LAMP, 100 tokens pooled to 20": "lamp", "PEFT PromptTuning, 100 tokens": "peft"}


def random_model(shape: str, device: str, dtype: torch.dtype) -> Any:
    """An untrained model with the published sizes of a backbone."""
    import transformers as tf

    configs: dict[str, Callable[[], Any]] = {
        "t5-large": lambda: tf.T5Config(
            d_model=1024,
            d_kv=64,
            d_ff=4096,
            num_layers=24,
            num_heads=16,
            vocab_size=32128,
            decoder_start_token_id=0,  # type: ignore[call-arg]  # one of those that PretrainedConfig takes
            dropout_rate=0.0,
        ),
        "llama-2-7b": lambda: tf.LlamaConfig(
            hidden_size=4096, intermediate_size=11008, num_hidden_layers=32, num_attention_heads=32, vocab_size=32000
        ),
        "tiny": lambda: tf.LlamaConfig(
            hidden_size=128, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, vocab_size=400
        ),
    }
    config = configs[shape]()
    auto = tf.AutoModelForSeq2SeqLM if config.is_encoder_decoder else tf.AutoModelForCausalLM
    with torch.device(device):
        return auto.from_config(config, dtype=dtype).eval().requires_grad_(False)


def lamp_step(model: Any, ids: torch.Tensor, target: torch.Tensor) -> Callable[[], object]:
    """One training step of LAMP's default prompt; ids and target: (batch, length)."""
    from lamp.backbone.batch import Batch
    from lamp.backbone.frozen import FrozenBackbone
    from lamp.config import LampConfig, TrainConfig
    from lamp.data.encoding import Encoded
    from lamp.prompt import LampPrompt
    from lamp.training.step import PromptTrainer, train_step

    frozen = FrozenBackbone(model, None, "random")
    first = frozen.embed(torch.arange(100, device=ids.device)).detach()
    batch = Batch(ids, torch.ones_like(ids), target, torch.ones_like(target), torch.ones_like(target).float())
    rows = [Encoded(tuple(row), tuple(answer)) for row, answer in zip(ids.tolist(), target.tolist(), strict=True)]
    settings = TrainConfig(batch_size=len(rows))
    prompt = LampPrompt.from_matrix(first, LampConfig())
    trainer = PromptTrainer.create(frozen, prompt, lambda _: batch, settings)
    return lambda: train_step(trainer, rows, learning_rate=1e-2)


def peft_step(model: Any, ids: torch.Tensor, target: torch.Tensor) -> Callable[[], None]:
    """One step of stock PEFT: ids and labels in, the model's own loss out."""
    from peft import PromptTuningConfig, TaskType, get_peft_model

    seq2seq = bool(model.config.is_encoder_decoder)
    kind = TaskType.SEQ_2_SEQ_LM if seq2seq else TaskType.CAUSAL_LM
    tuned = get_peft_model(model, PromptTuningConfig(task_type=kind, num_virtual_tokens=100))
    trained = [p for p in tuned.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-2, weight_decay=0.0)
    if seq2seq:
        inputs, labels = ids, target
    else:
        inputs = torch.cat([ids, target], dim=1)
        labels = torch.cat([torch.full_like(ids, -100), target], dim=1)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        tuned(input_ids=inputs, attention_mask=torch.ones_like(inputs), labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()

    return step


def measure(step: Callable[[], object], steps: int, cuda: bool) -> tuple[float, float]:
    """Median seconds of a step, and the peak of the device's memory in GB (0 without CUDA)."""
    seconds = []
    for number in range(steps + 5):
        if cuda:
            torch.cuda.synchronize()
        began = time.perf_counter()
        step()
        if cuda:
            torch.cuda.synchronize()
        if number >= 5:
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), torch.cuda.max_memory_allocated() / 1e9 if cuda else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--shapes", nargs="+", choices=["t5-large", "llama-2-7b", "tiny"], default=["t5-large", "llama-2-7b"]
    )
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--steps", type=int, default=30)
    options = parser.parse_args()
    prepare_process()
    cuda = torch.cuda.is_available()
    if not cuda and options.shapes != ["tiny"]:
        print("There is no CUDA device here, so nothing was measured: run this where there is one.")
        return
    device, dtype = ("cuda", torch.bfloat16) if cuda else ("cpu", torch.float32)
    where = torch.cuda.get_device_name() if cuda else "CPU"
    print(f"{where}, {options.batch} rows of {options.length} tokens, {dtype}\n")
    print("| backbone | prompt | step | rows/s | tokens/s | peak memory |\n| --- | --- | --- | --- | --- | --- |")
    for shape in options.shapes:
        for name, kind in VARIANTS.items():
            torch.manual_seed(0)
            model = random_model(shape, device, dtype)
            ids, target = (
                torch.randint(3, model.config.vocab_size, (options.batch, length), device=device)
                for length in (options.length, TARGET)
            )
            if cuda:
                torch.cuda.reset_peak_memory_stats()
            step = (lamp_step if kind == "lamp" else peft_step)(model, ids, target)
            took, peak = measure(step, options.steps, cuda)
            rows = options.batch / took
            print(
                f"| {shape} | {name} | {1000 * took:.1f} ms | {rows:.1f} | {rows * (options.length + TARGET):,.0f} "
                f"| {peak:.2f} GB |",
                flush=True,
            )
            del model, step
            if cuda:
                torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
