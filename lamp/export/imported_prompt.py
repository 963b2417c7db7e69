"""Imports a prompt that was made elsewhere: checks it, and writes the files of `save_prompt` and no others."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from lamp.config import MADE_FROM, MOST_VOTERS, DataConfig, LampConfig, TuneConfig
from lamp.data.columns import Template
from lamp.errors import ConfigError, DataError
from lamp.export.foreign_adapter import EMBEDDINGS, ForeignAdapter, read_adapter, virtual_tokens_in
from lamp.export.imported import ImportDetails, Imported, of_nowhere
from lamp.export.prompt_files import PromptFiles
from lamp.export.saved_prompt import ADAPTER, LAMP_CONFIG, RECIPE, SCORES, VOTERS, write_json
from lamp.inference.confusion_matrix import CONFUSION
from lamp.prompt import LampPrompt
from lamp.text_limits import name_problems
from lamp.training.factors_file import FACTORS_FILE, save_factors

CARD = "README.md"
_LONGEST_INPUT = 2048
"""Tokens of an input if no recipe limits them."""
_MOST_LABELS = 10_000
_MOST_CONFUSION_BYTES = 50_000_000
"""Size limit of the confusion matrix, which has a number for each pair of labels."""


def import_prompt(files: PromptFiles, given: ImportDetails, target: Path) -> Imported:
    """Checks a prompt and writes it into an empty folder.

    After a DataError or ConfigError the folder's content must be discarded.
    """
    adapter = read_adapter(files)
    if {RECIPE, LAMP_CONFIG} <= files.names:
        if given.template or given.labels:
            raise DataError("This prompt brings its recipe, which names its template and its labels: leave yours out.")
        config, lamp = _own_recipe(files, adapter, given)
    else:
        config, lamp = _recipe_of(adapter, given), {"labels": list(given.labels), "voters": 1}
        lamp["task"] = "classification" if given.labels else "generation"
    has_recipe, has_factors = RECIPE in files.names and LAMP_CONFIG in files.names, FACTORS_FILE in files.names
    if has_recipe and has_factors:
        prompt = _own_factors(files, config.lamp, adapter.virtual_tokens)
    else:
        prompt = _factors_of(adapter.virtual_tokens, config.lamp.rank)
        length, rank = prompt.u.shape
        shape = replace(config.lamp, prompt_length=length, rank=rank, pooling=1, interactions=1)
        config, has_factors = replace(config, lamp=shape), False
    config.check()
    scores = _scores(files)
    _write(files, adapter, config, lamp, prompt, scores, target)
    return Imported(
        config.to_dict() | _made_from(files, has_recipe),
        adapter.virtual_tokens.shape[1],
        adapter.encoder_decoder,
        has_recipe,
        has_factors,
        lamp.get("trained_steps", 0),
        scores,
    )


def _own_recipe(files: PromptFiles, adapter: ForeignAdapter, given: ImportDetails) -> tuple[TuneConfig, dict[str, Any]]:
    """Reads the recipe and the description of an exported prompt, and checks them against its adapter."""
    config, lamp = TuneConfig.from_dict(files.json(RECIPE)), files.json(LAMP_CONFIG)
    config = replace(of_nowhere(config), backbone=given.backbone or config.backbone)
    config.check()
    rows, width = adapter.virtual_tokens.shape
    named = {name: lamp.get(name) for name in ("prompt_length", "rank", "pooling", "interactions")}
    shape = {name: value for name, value in asdict(config.lamp).items() if name in named}
    if named != shape or lamp.get("hidden_size") != width or config.lamp.virtual_tokens != rows:
        raise DataError(f"{RECIPE}, {LAMP_CONFIG} and {ADAPTER} are not of the same prompt: export it again.")
    kept = {name: value for name, value in lamp.items() if name in _CHECKED and _CHECKED[name](value)}
    missing = {"labels", "task"} - kept.keys()
    chat = kept.keys() & {"chat_before", "chat_after"}
    if missing or len(chat) == 1 or (kept["task"] == "classification") != bool(kept["labels"]):
        raise DataError(f"{LAMP_CONFIG} does not say what the prompt answers: export it again.")
    return config, {"voters": 1, **kept}


def _is_step(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10**9


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 20_000


def _are_labels(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(label, str) for label in value) and not _label_problems(value)


_CHECKED = {
    "labels": _are_labels,
    "task": lambda value: value in ("classification", "generation"),
    "auto_class": lambda value: isinstance(value, str) and re.fullmatch("AutoModel[A-Za-z0-9]{0,60}", value),
    "best_step": _is_step,
    "trained_steps": _is_step,
    "voters": lambda value: _is_step(value) and value in range(1, MOST_VOTERS + 1),
    "chat_before": _is_text,
    "chat_after": _is_text,
}
"""The keys that are copied from lamp_config.json beside the prompt's shape, with a check of each value."""


def _recipe_of(adapter: ForeignAdapter, given: ImportDetails) -> TuneConfig:
    """Makes a recipe for an adapter without one, from the adapter and what the person says. Raises ConfigError."""
    if problems := _label_problems(given.labels):
        raise ConfigError(problems)
    template = given.template or "{text}"
    columns = tuple(dict.fromkeys(name for _, name in Template.of(DataConfig(template=template)).pairs))
    if not columns or not all(column.strip() for column in columns):
        raise ConfigError(["The template names no input column: write one in braces, such as {text}."])
    answer = next(name for name in ("answer", "answer_2", "answer_3") if name not in columns)
    data = DataConfig(
        columns,
        answer,
        template,
        task="classification" if given.labels else "generation",
        max_input_tokens=_LONGEST_INPUT,
    )
    rows, width = adapter.virtual_tokens.shape
    shape = LampConfig(rows, min(rows, width), pooling=1, interactions=1)
    return TuneConfig(given.backbone or adapter.backbone, data, shape)


def _label_problems(labels: Sequence[str]) -> list[str]:
    if len(labels) == 1 or len(labels) > _MOST_LABELS:
        return [
            f"Give between 2 and {_MOST_LABELS:,} labels, or none where the prompt writes texts, not {len(labels)}."
        ]
    if len(set(labels)) < len(labels) or not all(label.strip() for label in labels):
        return ["Each label must be a text of its own: one is empty or is there twice."]
    return name_problems("A label", *labels)


def _own_factors(files: PromptFiles, shape: LampConfig, virtual_tokens: Tensor) -> LampPrompt:
    """Reads the stored factors and checks that they give the virtual tokens. Raises DataError."""
    stored = files.tensors(FACTORS_FILE)
    length, rank, width = shape.prompt_length, shape.rank, virtual_tokens.shape[1]
    wanted = {"u": (length, rank), "q": (rank,), "v": (rank, width)}
    if {name: tuple(tensor.shape) for name, tensor in stored.items()} != wanted:
        raise DataError(f"{FACTORS_FILE} does not hold the factors that {RECIPE} describes: export the prompt again.")
    prompt = LampPrompt(stored["u"], stored["q"], stored["v"], shape.pooling, shape.interactions)
    made = prompt().detach()
    if not torch.allclose(made, virtual_tokens, rtol=1e-3, atol=1e-3 * float(virtual_tokens.abs().max())):
        raise DataError(f"{FACTORS_FILE} and {ADAPTER} are of different prompts: export it again.")
    return prompt


def _factors_of(virtual_tokens: Tensor, rank: int) -> LampPrompt:
    """Computes factors that give exactly these virtual tokens (l', d), without pooling."""
    rows, width = virtual_tokens.shape
    for fewer in (
        min(rank, rows, width),
        min(rows, width),
    ):  # pooled rows have the rank of their recipe, if it is theirs
        prompt = LampPrompt.from_matrix(virtual_tokens, LampConfig(rows, fewer, pooling=1, interactions=1))
        if torch.allclose(prompt().detach(), virtual_tokens, rtol=1e-3, atol=1e-4 * float(virtual_tokens.abs().max())):
            break
    return prompt


def _scores(files: PromptFiles) -> dict[str, float]:
    """Reads the numbers in scores.json; empty without the file."""
    if SCORES not in files.names:
        return {}
    return {
        name: float(value)
        for name, value in list(files.json(SCORES).items())[:100]
        if re.fullmatch(r"\w{1,60}", name)
        and isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(float(value))
    }


def _made_from(files: PromptFiles, has_recipe: bool) -> dict[str, Any]:
    """Reads the origins that the recipe names, as far as they are well-formed."""
    stated = files.json(RECIPE).get(MADE_FROM) if has_recipe else None
    known = {
        name: {key: text for key, text in values.items() if isinstance(text, str) and len(text) <= 200}
        for name, values in (stated.items() if isinstance(stated, dict) else ())
        if name in ("backbone", "data", "validation_data", "test_data") and isinstance(values, dict)
    }
    return {MADE_FROM: known} if known else {}


def _write(
    files: PromptFiles,
    adapter: ForeignAdapter,
    config: TuneConfig,
    lamp: Mapping[str, Any],
    prompt: LampPrompt,
    scores: Mapping[str, float],
    target: Path,
) -> None:
    tokens = adapter.virtual_tokens
    save_file({EMBEDDINGS: tokens.contiguous()}, target / ADAPTER)
    save_factors(prompt.factors(), target)
    write_json(target / "adapter_config.json", adapter.description(config.backbone))
    write_json(target / LAMP_CONFIG, {**asdict(config.lamp), "hidden_size": tokens.shape[1], **lamp})
    write_json(target / RECIPE, config.to_dict() | _made_from(files, RECIPE in files.names))
    if scores:
        write_json(target / SCORES, dict(scores))
    _write_voters(files, tokens, lamp["voters"], target)
    _write_confusion(files, lamp["labels"], target)
    if CARD in files.names:
        (target / CARD).write_text(files.text(CARD), encoding="utf-8")


def _write_voters(files: PromptFiles, tokens: Tensor, voters: int, target: Path) -> None:
    """Copies the prompts that vote with this one. Raises DataError if one is missing or has another shape."""
    for number in range(2, voters + 1):
        name = f"{VOTERS}/{number}.safetensors"
        if name not in files.names:
            raise DataError(f"{name} is missing: {voters} prompts were to vote; export the prompt again.")
        voter = virtual_tokens_in(files, name, alone=False)
        if voter.shape != tokens.shape:
            raise DataError(f"{name} is of another prompt: export it again.")
        (target / VOTERS).mkdir(exist_ok=True)
        save_file({EMBEDDINGS: voter.contiguous()}, target / name)


def _write_confusion(files: PromptFiles, labels: Sequence[str], target: Path) -> None:
    """Copies confusion.json if it is a matrix of these labels; else leaves it out, as no other file needs it."""
    matrix = files.json(CONFUSION, _MOST_CONFUSION_BYTES) if CONFUSION in files.names and labels else {}
    rows = matrix.get("counts")
    if not isinstance(rows, list) or matrix.get("labels") != labels or len(rows) != len(labels):
        return
    if all(isinstance(row, list) and len(row) == len(labels) and all(map(_is_step, row)) for row in rows):
        write_json(target / CONFUSION, {"labels": labels, "counts": rows})
