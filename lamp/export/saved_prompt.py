"""A trained prompt on disk: a stock PEFT adapter, its LAMP factors, and its recipe."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from lamp.config import TuneConfig
from lamp.data.chat import ChatAffixes
from lamp.data.source import DataSource
from lamp.errors import DataError
from lamp.export.made_from import made_from
from lamp.export.model_card import model_card
from lamp.inference.confusion_matrix import write_confusion
from lamp.training.factors_file import save_factors
from lamp.training.result import TrainResult, Voter

ADAPTER = "adapter_model.safetensors"
LAMP_CONFIG = "lamp_config.json"
RECIPE = "recipe.json"
SCORES = "scores.json"
VOTERS = "voters"
"""Folder of the further prompts that vote on labels: 2.safetensors and so on.

Each holds its virtual tokens under the name that adapters use, and its factors.
"""
_EMBEDDINGS = "prompt_embeddings"


@dataclass(frozen=True)
class SavedPrompt:
    """A trained prompt read back from its folder."""

    virtual_tokens: Tensor
    """(l', d), float32"""
    config: TuneConfig
    task: str
    labels: tuple[str, ...]
    """The labels to choose from; empty for generation"""
    voters: tuple[Tensor, ...]
    """Virtual tokens (l', d) of all prompts that vote on labels, this one first; only this one if it answers alone"""
    chat: ChatAffixes | None
    """What the backbone's chat template put around every input in training; None for plain text"""


def save_prompt(
    result: TrainResult,
    config: TuneConfig,
    folder: Path,
    sources: Mapping[str, DataSource] = MappingProxyType({}),
    commit: str = "",
) -> None:
    """Writes adapter, factors, recipe, scores and model card into an existing folder, and further voters into a
    subfolder.

    sources, commit: as in `made_from`.
    """
    from peft import PromptTuningConfig, TaskType

    adapter: Any = PromptTuningConfig(
        task_type=TaskType.SEQ_2_SEQ_LM if result.encoder_decoder else TaskType.CAUSAL_LM,
        base_model_name_or_path=config.backbone,
        num_virtual_tokens=len(result.virtual_tokens),
        token_dim=result.token_dim,
        # The prompt stands before the encoder's input alone; PEFT's default for these models expects a second one.
        num_transformer_submodules=1,
        # PEFT looks these two up in the model's config, where some families name them otherwise. Only prefix tuning
        # reads them, so any number will do.
        num_layers=1,
        num_attention_heads=1,
        inference_mode=True,
    )
    adapter.save_pretrained(str(folder))
    save_file({_EMBEDDINGS: result.virtual_tokens.contiguous()}, folder / ADAPTER)
    save_factors(result.factors, folder)
    _save_voters(result.voters, folder)
    lamp = {
        **asdict(config.lamp),
        "hidden_size": result.token_dim,
        "task": result.task,
        "auto_class": result.auto_class,
        "labels": list(result.labels),
        "best_step": result.best_step,
        "trained_steps": result.step,
        "voters": 1 + len(result.voters),
    }
    if any(result.chat):
        lamp["chat_before"], lamp["chat_after"] = result.chat
    write_json(folder / LAMP_CONFIG, lamp)
    write_json(folder / RECIPE, config.to_dict() | made_from(config.backbone, commit, sources))
    write_json(folder / SCORES, result.final.merged())
    if result.final.confusion:
        write_confusion(result.final.confusion, folder)
    (folder / "README.md").write_text(model_card(result, config, sources.get("data"), commit), encoding="utf-8")


def load_prompt(folder: Path) -> SavedPrompt:
    """Reads what `save_prompt` wrote. Raises DataError if the folder does not hold a complete prompt."""
    try:
        virtual = load_file(folder / ADAPTER)[_EMBEDDINGS]
        lamp = json.loads((folder / LAMP_CONFIG).read_text(encoding="utf-8"))
        recipe = json.loads((folder / RECIPE).read_text(encoding="utf-8"))
        chat = ChatAffixes(str(lamp["chat_before"]), str(lamp["chat_after"])) if "chat_before" in lamp else None
        others = [load_file(_voter(folder, number))[_EMBEDDINGS] for number in range(2, lamp.get("voters", 1) + 1)]
        labels = tuple(lamp["labels"])
        return SavedPrompt(virtual, TuneConfig.from_dict(recipe), str(lamp["task"]), labels, (virtual, *others), chat)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise DataError(f"{folder.name} does not hold a whole exported prompt: {error}.") from error


def _save_voters(voters: Sequence[Voter], folder: Path) -> None:
    """Writes the further prompts, and removes those of an earlier export."""
    shutil.rmtree(folder / VOTERS, ignore_errors=True)
    for number, voter in enumerate(voters, start=2):
        (folder / VOTERS).mkdir(exist_ok=True)
        tensors = {_EMBEDDINGS: voter.virtual_tokens, **voter.factors}
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, _voter(folder, number))


def _voter(folder: Path, number: int) -> Path:
    """Returns the file of a further prompt, numbered from 2; the adapter's prompt is number 1."""
    return folder / VOTERS / f"{number}.safetensors"


def write_json(path: Path, values: Any) -> None:
    """Writes a value as indented JSON."""
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
