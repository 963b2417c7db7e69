"""A run's recipe as a list of facts."""

from __future__ import annotations

from app.run import Run
from lamp.config import DataConfig, LampConfig, TrainConfig
from lamp.data.columns import default_template
from lamp.data.source import DataSource

Facts = tuple[tuple[str, str], ...]
"""(name, value) of each line."""
_TASKS = {"auto": "chosen by the target", "classification": "picks a label", "generation": "writes a text"}


def recipe_facts(run: Run, source: DataSource | None = None) -> Facts:
    """Returns the recipe of a run, line by line. source: the part of the Hub that its data set was fetched from."""
    job, data, lamp, train = run.job, run.config.data, run.config.lamp, run.config.train
    return (
        ("Backbone", run.config.backbone),
        ("Data", job.dataset_name),
        *([("From the Hub", str(source))] if source else []),
        *_data(data),
        ("Prompt", f"{lamp.prompt_length} tokens, pooled by {lamp.pooling} to {lamp.virtual_tokens} virtual tokens"),
        ("Rank, interactions", f"{lamp.rank}, {lamp.interactions}"),
        ("First prompt", _first_prompt(lamp)),
        *_training(train, job.gpus),
    )


def _data(data: DataConfig) -> Facts:
    chat = ", in the model's chat format" if data.input_format == "chat" else ""
    validation = _part(data.validation_data, data.validation_share, data.max_validation_rows)
    test = _part(data.test_data, data.test_share, data.max_test_rows)
    return (
        ("Input", ", ".join(data.input_columns) + chat),
        ("Target", data.target_column),
        ("Template", data.template or default_template(data)),
        ("Task", _TASKS[data.task]),
        ("Validation", validation),
        ("Test", test),
        ("Texts written in the test", f"at most {data.max_written_rows:,}"),
        ("Longest input, target", f"{data.max_input_tokens:,}, {data.max_target_tokens:,} tokens"),
        ("Seed of the split", str(data.split_seed)),
    )


def _part(own: str, share: float, most: int) -> str:
    """Returns which rows are held out. own: name of a separate data set."""
    if own:
        return f"data of their own ({own}), at most {most:,} rows"
    return f"{100 * share:g} % of the rows, at most {most:,}" if share else "none"


def _first_prompt(lamp: LampConfig) -> str:
    if lamp.initial == "text":
        return f"the text {lamp.initial_text!r}"
    return f"the prompt of {lamp.initial_prompt}" if lamp.initial == "prompt" else lamp.initial


def _training(train: TrainConfig, gpus: int) -> Facts:
    rows = train.batch_size * train.accumulation * gpus
    rate = "automatic learning rate" if train.learning_rate == "found" else f"learning rate {train.learning_rate:g}"
    patience = f"after {train.patience:,} scores without a better one" if train.patience else "never"
    return (
        ("Training", f"{train.steps:,} steps of {rows} rows, {rate}"),
        ("Batches", f"{train.accumulation} of {train.batch_size} rows a step"),
        ("Warm-up, clipping", f"{100 * train.warmup_share:g} % of the steps, norm {train.clip_norm:g}"),
        ("Scores, checkpoints", f"every {train.evaluate_every:,} and {train.checkpoint_every:,} steps"),
        ("Ends early", patience),
        *([("Prompts that vote", str(train.voters))] if train.voters > 1 else []),
        ("Computing", _computing(train, gpus)),
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
