"""Decides from a model's file names and config whether a soft prompt can be tuned for it; runs none of its code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from lamp.errors import BackboneError
from lamp.hub.transformers_types import encoder_decoder_classes, is_known, multimodal_classes
from lamp.model_files.file_faults import adapter_beside_weights
from lamp.model_files.text_config import text_config

Architecture = Literal["causal", "encoder-decoder"]

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
_WIDTH_KEYS = (
    "word_embed_proj_dim",
    "input_embedding_size",
    "embedding_size",
    "hidden_size",
    "d_model",
    "n_embd",
    "n_embed",
)
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
"""Keys in the configs of models that also read images or sound."""
_NEEDS_MORE_THAN_TEXT = {
    *("blip", "blip-2", "florence2", "git", "instructblip", "instructblipvideo", "kosmos-2", "kosmos-2.5"),
    *("pi0", "pix2struct", "pp_formulanet", "qwen2_5_omni", "qwen3_omni_moe", "udop"),
}
"""Model types that cannot read text without an image, or not from embeddings."""
_UNKNOWN_TO_PEFT = {"mllama", "mllama_text_model"}
"""Model types with more embeddings than their config counts, in which PEFT finds no embedding table."""
_COMPRESS_COLUMNS = {"deepseek_v4"}
"""Model types that merge the keys of some tokens by their column in a batch, and choose experts by token id."""
_READ_BOTH_WAYS = {"xlnet"}
"""Model types that read each token together with those that follow it."""
_EMBED_IN_EVERY_LAYER = {"gemma3n"}
"""Model types that embed every token again in each layer, in all of their sizes."""
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
    """Returns the architecture that the config declares; the model's name is not used.

    Raises BackboneError for a model that a soft prompt cannot be tuned for.
    """
    model_type = str(config.get("model_type") or "")
    classes = config.get("architectures") or [""]
    cls = str(classes[0])
    if config.get("auto_map") and not is_known(model_type):
        raise BackboneError(
            f"The backbone {reference!r} needs code from its own repository, which the studio does "
            "not run: choose one that transformers supports by itself."
        )
    if model_type and not is_known(model_type):
        raise BackboneError(
            f"The backbone {reference!r} is of the type {model_type!r}, which the installed version of transformers "
            "does not know: choose another one, or install a version that knows it."
        )
    if model_type in _UNKNOWN_TO_PEFT:
        raise BackboneError(
            f"The backbone {reference!r} ({cls or model_type}) has a table of embeddings that PEFT does not find, so a "
            "prompt for it could not be loaded anywhere: choose another one, such as Gemma 3 or Llama 4."
        )
    if model_type in _COMPRESS_COLUMNS:
        raise BackboneError(
            f"The backbone {reference!r} ({cls or model_type}) stores the keys of several columns of a batch as one, "
            "so padding would change them: choose another one, such as Qwen3 or Llama 3.2."
        )
    if model_type in _READ_BOTH_WAYS:
        raise BackboneError(
            f"The backbone {reference!r} ({cls or model_type}) reads each token together with those that follow, so it "
            "would see an answer before it predicts it: choose another one, such as Qwen3 or Llama 3.2."
        )
    if text_config(config).get("hidden_size_per_layer_input"):
        raise BackboneError(
            f"The backbone {reference!r} ({cls or model_type}) looks up every token again in each of its layers, and "
            "virtual tokens are not in that table: choose another one, such as Gemma 3 or a Gemma 4 larger than E4B."
        )
    if any(config.get(key) is not None for key in _MULTIMODAL_KEYS) or model_type.endswith("-encoder-decoder"):
        return _multimodal(reference, model_type, cls, bool(config.get("is_encoder_decoder")))
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


def _multimodal(reference: str, model_type: str, cls: str, is_encoder_decoder: bool) -> Architecture:
    """Returns the architecture of a model that reads more than text.

    Raises BackboneError if it cannot be used for text.
    """
    classes = encoder_decoder_classes() if is_encoder_decoder else multimodal_classes()
    if not _writes(classes, model_type) or model_type in _NEEDS_MORE_THAN_TEXT:
        raise BackboneError(
            f"The backbone {reference!r} ({cls or model_type}) cannot be used for text alone: choose a language "
            "model, or one for images and text such as Gemma 3, Qwen3-VL or Mistral Small."
        )
    return "encoder-decoder" if is_encoder_decoder else "causal"


def reads_text_alone(model_type: str) -> bool:
    """Returns whether models of this type read images or sound, and yet a prompt can be tuned for their text.

    Of a few types only some sizes can be tuned; their config tells.
    """
    refused = _NEEDS_MORE_THAN_TEXT | _UNKNOWN_TO_PEFT | _EMBED_IN_EVERY_LAYER
    return model_type not in refused and any(
        _writes(classes, model_type) for classes in (multimodal_classes(), encoder_decoder_classes())
    )


def _writes(classes: Mapping[str, str], model_type: str) -> bool:
    return classes.get(model_type, "").endswith(("ForConditionalGeneration", "ForCausalLM"))


def hidden_size_of(reference: str, config: Mapping[str, Any], embedding: tuple[int, ...] | None = None) -> int:
    """Returns the width of the token embeddings, from the config or the stored table (tokens, width).

    Raises BackboneError if neither has it.
    """
    text = text_config(config)
    for key in _WIDTH_KEYS:
        if isinstance(width := text.get(key), int) and width > 0:
            return width
    if embedding is not None:
        return embedding[1]
    raise BackboneError(f"config.json of the backbone {reference!r} does not give its hidden size: choose another one.")
