"""A run's recipe as a list of facts."""

from __future__ import annotations

from app.run import Run
from lamp.config import TrainConfig
from lamp.data.source import DataSource

Facts = tuple[tuple[str, str], ...]
"""(name, value) of each line."""


def recipe_facts(run: Run, source: DataSource | None = None) -> Facts:
    """What a run was made with. source: where its data set was fetched from."""
    job, data, lamp, train = run.job, run.config.data, run.config.lamp, run.config.train
    chat = ", in the model's chat format" if data.input_format == "chat" else ""
    rows = train.batch_size * train.accumulation * job.gpus
    rate = "automatic learning rate" if train.learning_rate == "found" else f"learning rate {train.learning_rate:g}"
    return (
        ("Backbone", run.config.backbone),
        ("Data", job.dataset_name),
        *([("From the Hub", str(source))] if source else []),
        ("Input", ", ".join(data.input_columns) + chat),
        ("Target", data.target_column),
        ("Prompt", f"{lamp.prompt_length} tokens, pooled by {lamp.pooling} to {lamp.virtual_tokens} virtual tokens"),
        ("Rank, interactions", f"{lamp.rank}, {lamp.interactions}"),
        ("Training", f"{train.steps:,} steps of {rows} rows, {rate}"),
        *([("Prompts that vote", str(train.voters))] if train.voters > 1 else []),
        ("Computing", _computing(train, job.gpus)),
        ("Seed", str(train.seed)),
    )


def _computing(train: TrainConfig, gpus: int) -> str:
    choices = [f"{gpus} GPUs"] if gpus > 1 else []
    choices.append("automatic precision" if train.precision == "auto" else train.precision)
    if train.quantization != "none":
        choices.append(f"weights in {train.quantization.removesuffix('bit')} bits")
    if train.gradient_checkpointing:
        choices.append("gradient checkpointing")
    if train.compile:
        choices.append("compiled")
    return ", ".join(choices)
