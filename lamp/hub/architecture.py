"""Decides from a model's file names and config whether a soft prompt can be tuned for it; runs none of its code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from lamp.errors import BackboneError
from lamp.file_faults import adapter_beside_weights

Architecture = Literal["causal", "encoder-decoder"]

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
_WIDTH_KEYS = ("word_embed_proj_dim", "hidden_size", "d_model", "n_embd", "n_embed")
_MULTIMODAL_KEYS = (
    "vision_config",
    "audio_config",
    "vision_tower",
    "mm_vision_tower",
    "num_mel_bins",
    "image_token_id",
    "image_token_index",
    "audio_token_id",
    "audio_encoder",
)
"""Keys in the configs of models that read images or sound as well."""
_TYPE_LISTS = ("auto_mappings.py", "configuration_auto.py")
TOKENIZER_FILES = {
    "tokenizer.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "vocab.json",
    "vocab.txt",
    "tokenizer_config.json",
    "tekken.json",
}


def check_files(reference: str, names: Iterable[str]) -> None:
    """Raises BackboneError unless config, safetensors weights and a tokenizer are among the file names."""
    names = set(names)
    if "config.json" not in names:
        raise BackboneError(
            f"{reference!r} holds no config.json, so it is not a language model: choose one that transformers can load."
        )
    if not names & {WEIGHTS, WEIGHTS_INDEX}:
        pickled = any(name.endswith((".bin", ".pt", ".pth", ".ckpt")) for name in names)
        has = (
            "stores its weights as pickle files, which can run code when they are loaded"
            if pickled
            else "holds no model.safetensors"
        )
        raise BackboneError(f"The backbone {reference!r} {has}: choose one with safetensors weights, or convert it.")
    if "adapter_config.json" in names:
        raise BackboneError(adapter_beside_weights(reference))
    if not names & TOKENIZER_FILES:
        raise BackboneError(f"The backbone {reference!r} has no tokenizer beside its weights: add its tokenizer.json.")


def architecture_of(reference: str, config: Mapping[str, Any]) -> Architecture:
    """The architecture that the config declares; a model's name says nothing.

    Raises BackboneError for a model that a soft prompt cannot be tuned for.
    """
    model_type = str(config.get("model_type") or "")
    classes = config.get("architectures") or [""]
    cls = str(classes[0])
    if config.get("auto_map") and not _known_to_transformers(model_type):
        raise BackboneError(
            f"The backbone {reference!r} needs code from its own repository, which the studio does "
            "not run: choose one that transformers supports by itself."
        )
    if model_type and not _known_to_transformers(model_type):
        raise BackboneError(
            f"The backbone {reference!r} is of the type {model_type!r}, which the installed version of transformers "
            "does not know: choose another one, or install a version that knows it."
        )
    if isinstance(quantised := config.get("quantization_config"), dict):
        how = quantised.get("quant_method") or "unknown method"
        raise BackboneError(
            f"The backbone {reference!r} is stored quantised ({how}): choose the original model that it was made from."
        )
    if any(config.get(key) is not None for key in _MULTIMODAL_KEYS) or model_type.endswith("-encoder-decoder"):
        raise BackboneError(
            f"The backbone {reference!r} ({cls or model_type}) reads more than text: choose a text-only language model."
        )
    writes = cls.endswith(("ForConditionalGeneration", "WithLMHeadModel"))
    bare = cls.endswith("Model") and not cls.endswith(
        ("EncoderModel", "LMHeadModel")
    )  # such as the class of facebook/bart-base
    if config.get("is_encoder_decoder") and (writes or bare):
        return "encoder-decoder"
    if not config.get("is_encoder_decoder") and cls.endswith(("ForCausalLM", "LMHeadModel")):
        return "causal"
    if not cls:
        raise BackboneError(
            f"config.json of the backbone {reference!r} does not say what it is: "
            'add "architectures", such as ["LlamaForCausalLM"].'
        )
    raise BackboneError(
        f"The backbone {reference!r} is a {cls}, which cannot write text (an encoder such as BERT, a "
        "classifier, or no language model): choose a causal or an encoder-decoder language model."
    )


def _known_to_transformers(model_type: str) -> bool:
    """Whether the installed transformers has code of its own for this type; transformers is not imported."""
    return f'"{model_type}"' in _transformers_types()


@cache
def _transformers_types() -> str:
    """The source code in which transformers lists the types it knows."""
    spec = find_spec("transformers")
    folders = (spec.submodule_search_locations if spec else None) or ()
    files = (Path(folder) / "models/auto" / name for folder in folders for name in _TYPE_LISTS)
    return "".join(file.read_text(encoding="utf-8") for file in files if file.is_file())


def hidden_size_of(reference: str, config: Mapping[str, Any]) -> int:
    """The width of the token embeddings. Raises BackboneError when the config does not give it."""
    parts = [config, *(config[key] for key in ("text_config", "encoder") if isinstance(config.get(key), dict))]
    for part in parts:
        for key in _WIDTH_KEYS:
            if isinstance(width := part.get(key), int) and width > 0:
                return width
    raise BackboneError(f"config.json of the backbone {reference!r} does not give its hidden size: choose another one.")
