"""The steps that LAMP is measured against: stock PEFT in the barest loop, and through transformers' Trainer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sized
from contextlib import suppress
from tempfile import TemporaryDirectory
from typing import Any


def peft_step(backbone: str, encoder: Any, rows: list[Any], tokens: int) -> Callable[[list[int]], None]:
    """One step of stock PEFT on a stock model: padded ids and labels in, the model's own loss out."""
    import torch
    from peft import PromptTuningConfig, TaskType, get_peft_model
    from transformers import AutoModelForCausalLM

    from lamp.backbone.devices import default_device
    from lamp.backbone.precision import choose_dtype

    device = default_device()
    dtype = choose_dtype("auto", device, "llama")
    model: Any = AutoModelForCausalLM.from_pretrained(backbone, dtype=dtype)
    model.to(device)
    tuned = get_peft_model(model, PromptTuningConfig(task_type=TaskType.CAUSAL_LM, num_virtual_tokens=tokens))
    optimizer = torch.optim.AdamW([p for p in tuned.parameters() if p.requires_grad], lr=5e-3, weight_decay=0.0)

    def step(indices: list[int]) -> None:
        optimizer.zero_grad(set_to_none=True)
        chosen = [rows[index] for index in indices]
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


def _example(row: Any) -> dict[str, list[int]]:
    """A row as transformers' Trainer takes it; only the target is learned."""
    return {
        "input_ids": [*row.input_ids, *row.target_ids],
        "attention_mask": [1] * row.length,
        "labels": [-100] * len(row.input_ids) + list(row.target_ids),
    }


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
            assert isinstance(self.train_dataset, Sized)
            return SequentialSampler(self.train_dataset)

    from lamp.backbone.devices import default_device
    from lamp.backbone.precision import choose_dtype

    dtype = choose_dtype("auto", default_device(), "llama")
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(backbone, dtype=dtype),
        PromptTuningConfig(task_type=TaskType.CAUSAL_LM, num_virtual_tokens=tokens),
    )
    with TemporaryDirectory() as folder, suppress(_NoMoreTurns):
        settings = TrainingArguments(
            folder,
            per_device_train_batch_size=batch,
            bf16=dtype == torch.bfloat16,
            use_cpu=not torch.cuda.is_available(),
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
        )
        InOrder(
            model,
            settings,
            train_dataset=[_example(row) for row in rows],
            callbacks=[Turns()],
            data_collator=DataCollatorForSeq2Seq(AutoTokenizer.from_pretrained(backbone)),
        ).train()
