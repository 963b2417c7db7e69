"""How GGUF files store each model family: the fields for its config and the layout of its weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gguf
import torch
from gguf import MODEL_ARCH, GGUFValueType
from torch import Tensor

from lamp.errors import BackboneError
from lamp.export.gguf_file import Field

Change = Callable[[str, Tensor, Any], Tensor]
"""Converts a weight to the layout that llama.cpp expects: (name, weight, config) → weight."""


@dataclass(frozen=True)
class GgufFamily:
    """How one model family is stored."""

    arch: MODEL_ARCH
    change: Change = lambda name, weight, config: weight
    windows: bool = False
    """Whether llama.cpp implements attention windows for it"""

    @property
    def name(self) -> str:
        return gguf.MODEL_ARCH_NAMES[self.arch]


def _llama(name: str, weight: Tensor, config: Any) -> Tensor:
    """Reorders rows: llama.cpp rotates adjacent numbers of a head, transformers those half a head apart."""
    if not name.endswith(("q_proj.weight", "k_proj.weight", "q_proj.bias", "k_proj.bias")):
        return weight
    heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
    return weight.reshape(heads, 2, -1, *weight.shape[1:]).transpose(1, 2).reshape(weight.shape)


def _gpt2(name: str, weight: Tensor, config: Any) -> Tensor:
    """Transposes linear layers, which GPT-2 stores the other way round."""
    return weight.T if name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight")) else weight


def _gemma3(name: str, weight: Tensor, config: Any) -> Tensor:
    """Adds one to the weights of norms, as Gemma does when it computes."""
    return weight.float() + 1 if name.endswith("norm.weight") else weight


def _bloom(name: str, weight: Tensor, config: Any) -> Tensor:
    """Separates queries, keys and values, which Bloom stores head by head."""
    if "query_key_value" not in name:
        return weight
    parts = weight.reshape(config.n_head, 3, -1, *weight.shape[1:])
    return parts.transpose(0, 1).reshape(weight.shape)


FAMILIES = {
    "llama": GgufFamily(MODEL_ARCH.LLAMA, _llama),
    "mistral": GgufFamily(MODEL_ARCH.LLAMA, _llama),
    "qwen2": GgufFamily(MODEL_ARCH.QWEN2),
    "qwen3": GgufFamily(MODEL_ARCH.QWEN3),
    "gemma3_text": GgufFamily(MODEL_ARCH.GEMMA3, _gemma3, windows=True),
    "gpt2": GgufFamily(MODEL_ARCH.GPT2, _gpt2),
    "bloom": GgufFamily(MODEL_ARCH.BLOOM, _bloom),
}
"""transformers' model types that can be converted here. All others need a GGUF file of the model."""


def family_of(reference: str, config: Any) -> GgufFamily:
    """Returns the family of a model. Raises BackboneError if it cannot be converted exactly."""
    family = FAMILIES.get(config.model_type)
    instead = "give a GGUF file of the same model with --gguf, or export it as merged"
    if family is None:
        raise BackboneError(
            f"The backbone {reference!r} is a model of the type {config.model_type!r}, which is not converted to GGUF "
            f"here: {instead}."
        )
    kind = _rope(config).get("rope_type", "default")
    if kind not in ("default", "linear", "llama3") or (kind == "llama3" and family.arch != MODEL_ARCH.LLAMA):
        raise BackboneError(
            f"The backbone {reference!r} has rotary positions of the kind {kind!r}, "
            f"which are not converted here: {instead}."
        )
    return family


def config_fields(family: GgufFamily, config: Any) -> dict[str, Field]:
    """The fields that describe a model."""
    fields: dict[str, Field] = {}

    def add(name: str, value: Any, kind: GGUFValueType = GGUFValueType.UINT32) -> None:
        if value is not None:
            fields[f"{family.name}.{name}"] = (value, kind, None)

    def get(*names: str) -> Any:
        return next((value for name in names if (value := getattr(config, name, None)) is not None), None)

    width, heads = get("hidden_size", "n_embd"), get("num_attention_heads", "n_head")
    window = get("sliding_window") if get("use_sliding_window") is not False else None
    length = get("max_position_embeddings", "n_positions") or 2048
    add("context_length", length if window is None or family.windows else min(length, window))
    add("embedding_length", width)
    add("block_count", get("num_hidden_layers", "n_layer"))
    add("feed_forward_length", get("intermediate_size", "n_inner") or 4 * width)
    add("attention.head_count", heads)
    add("attention.head_count_kv", get("num_key_value_heads"))
    add("attention.layer_norm_rms_epsilon", get("rms_norm_eps"), GGUFValueType.FLOAT32)
    add("attention.layer_norm_epsilon", get("layer_norm_epsilon"), GGUFValueType.FLOAT32)
    add("vocab_size", config.vocab_size)
    rope = _rope(config)
    if rope:
        size = get("head_dim") or width // heads
        for name in ("attention.key_length", "attention.value_length", "rope.dimension_count"):
            add(name, size)
        add("rope.freq_base", float(rope["rope_theta"]), GGUFValueType.FLOAT32)
        if rope.get("rope_type") == "linear":
            add("rope.scaling.type", "linear", GGUFValueType.STRING)
            add("rope.scaling.factor", float(rope["factor"]), GGUFValueType.FLOAT32)
    if family.windows:
        add("attention.sliding_window", window)
        kinds = [kind == "sliding_attention" for kind in config.layer_types]
        fields[f"{family.name}.attention.sliding_window_pattern"] = (kinds, GGUFValueType.ARRAY, GGUFValueType.BOOL)
        local = config.rope_parameters.get("sliding_attention", rope)
        add("rope.freq_base_swa", float(local["rope_theta"]), GGUFValueType.FLOAT32)
    return fields


def extra_tensors(config: Any) -> dict[str, Tensor]:
    """Returns the frequency factors of Llama 3's rotary positions; empty for other models."""
    rope = _rope(config)
    if rope.get("rope_type") != "llama3":
        return {}
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    wavelengths = 2 * math.pi * rope["rope_theta"] ** (torch.arange(0, size, 2, dtype=torch.float64) / size)
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
    turns = rope["original_max_position_embeddings"] / wavelengths
    smooth = ((turns - low) / (high - low)).clamp(0, 1)
    return {"rope_freqs.weight": (1 / ((1 - smooth) / factor + smooth)).float()}


def _rope(config: Any) -> dict[str, Any]:
    """Returns the rotary-position settings of the layers without windows; empty without any."""
    rope = getattr(config, "rope_parameters", None) or {}
    return dict(rope.get("full_attention", rope))
