"""The part of a multimodal model that reads and writes text; its encoders of images and sound are let go."""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers import AutoModelForCausalLM, AutoModelForMultimodalLM, AutoModelForSeq2SeqLM


def auto_class(config: Any) -> Any:
    """The class of transformers that loads a model with this config, as everybody would load it.

    Some multimodal models have a class for text alone (Llama 4, Qwen3.5), others are loaded as a whole.
    """
    if config.is_encoder_decoder:
        return AutoModelForSeq2SeqLM
    for auto in (AutoModelForCausalLM, AutoModelForMultimodalLM):
        if type(config) in auto._model_mapping:
            return auto
    return AutoModelForCausalLM  # whose error names the config


def drop_encoders(model: Any) -> None:
    """Takes the encoders of images and sound out of a model, which text never passes through.

    Whether the model reads text without them as before is for `lamp.backbone.probe` to find out.
    """
    encoders = [model.get_encoder(modality=modality) for modality in ("image", "audio")]
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Module) and any(child is encoder for encoder in encoders):
                setattr(parent, name, None)
