"""Reads a PROMPT_TUNING adapter of PEFT that any program saved, without running any code from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lamp.errors import DataError
from lamp.export.imported import without_safetensors
from lamp.export.prompt_files import ADAPTER_CONFIG, PromptFiles
from lamp.text_limits import LONGEST_NAME

ADAPTER = "adapter_model.safetensors"
EMBEDDINGS = "prompt_embeddings"
_MOST_TOKENS = 2_000
_TASKS = {"CAUSAL_LM": False, "SEQ_2_SEQ_LM": True}
"""PEFT's name of a task → whether its backbone is an encoder-decoder model."""


@dataclass(frozen=True, eq=False)
class ForeignAdapter:
    """The content of an adapter, as far as the studio uses it."""

    virtual_tokens: Tensor
    """(l', d), float32"""
    backbone: str
    """The Hub id, or a path on the machine where it was made; "" if it names none."""
    encoder_decoder: bool

    def description(self, backbone: str) -> dict[str, Any]:
        """Returns an adapter_config.json with the values that stock PEFT needs, and without names of other files."""
        rows, width = self.virtual_tokens.shape
        return {
            "base_model_name_or_path": backbone,
            "inference_mode": True,
            "num_attention_heads": 1,
            "num_layers": 1,
            "num_transformer_submodules": 1,
            "num_virtual_tokens": rows,
            "peft_type": "PROMPT_TUNING",
            "prompt_tuning_init": "RANDOM",
            "task_type": "SEQ_2_SEQ_LM" if self.encoder_decoder else "CAUSAL_LM",
            "token_dim": width,
        }


def read_adapter(files: PromptFiles) -> ForeignAdapter:
    """Reads adapter_config.json and adapter_model.safetensors. Raises DataError in one sentence."""
    if ADAPTER_CONFIG not in files.names:
        raise DataError(f"There is no {ADAPTER_CONFIG}, so this is no PEFT adapter.")
    values = files.json(ADAPTER_CONFIG)
    kind, task, backbone = (values.get(name) for name in ("peft_type", "task_type", "base_model_name_or_path"))
    if kind != "PROMPT_TUNING":
        raise DataError(
            f"This adapter is of the kind {_shown(kind)}, and only those of the kind PROMPT_TUNING are soft prompts: "
            "choose another one."
        )
    if not isinstance(task, str) or task not in _TASKS:
        raise DataError(f"This adapter is for the task {_shown(task)}: only CAUSAL_LM and SEQ_2_SEQ_LM write answers.")
    if backbone is not None and (not isinstance(backbone, str) or len(backbone) > LONGEST_NAME):
        raise DataError(f"{ADAPTER_CONFIG} names no backbone that can be read: name it yourself.")
    if ADAPTER not in files.names:
        raise DataError(without_safetensors(files.names))
    submodules = values.get("num_transformer_submodules")
    if submodules not in ((1,) if task == "SEQ_2_SEQ_LM" else (None, 1)):  # PEFT takes 2 where none is given
        raise DataError(
            "This prompt stands before the encoder's input and the decoder's, and the studio puts prompts before the "
            "encoder's alone: it would answer otherwise here."
        )
    tokens = virtual_tokens_in(files, ADAPTER)
    if values.get("num_virtual_tokens") != len(tokens):
        count = _shown(values.get("num_virtual_tokens"))
        raise DataError(
            f"{ADAPTER_CONFIG} tells of {count} virtual tokens and {ADAPTER} holds {len(tokens)}: get both again."
        )
    return ForeignAdapter(tokens, backbone or "", _TASKS[task])


def virtual_tokens_in(files: PromptFiles, name: str, *, alone: bool = True) -> Tensor:
    """Reads the virtual tokens (l', d) in a file, float32.

    alone: whether other tensors are refused. Raises DataError.
    """
    tensors = files.tensors(name)
    others = sorted(tensors.keys() - {EMBEDDINGS})
    if EMBEDDINGS not in tensors:
        raise DataError(f"{name} holds no {EMBEDDINGS}, so there is no soft prompt in it.")
    if alone and others:
        raise DataError(
            f"{name} holds {_shown(others[0])} beside the prompt, and the studio would leave that out: it would answer "
            "otherwise here."
        )
    tokens = tensors[EMBEDDINGS]
    if (
        tokens.ndim != 2
        or not tokens.is_floating_point()
        or not 1 <= len(tokens) <= _MOST_TOKENS
        or not tokens.shape[1]
    ):
        shape = " x ".join(map(str, tokens.shape))
        raise DataError(
            f"The prompt in {name} has the shape {shape}: 1 to {_MOST_TOKENS:,} rows of numbers were expected."
        )
    tokens = tokens.float()
    if not torch.isfinite(tokens).all() or not tokens.any():
        raise DataError(f"The prompt in {name} holds numbers that are not finite, or only zeros: it was saved broken.")
    return tokens


def _shown(value: object) -> str:
    return re.sub(r"\s+", " ", repr(value))[:60]
