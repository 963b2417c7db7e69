"""The text part of a multimodal model: its encoders of images and sound are removed."""

from __future__ import annotations

from typing import Any

from transformers import AutoModelForCausalLM, AutoModelForMultimodalLM, AutoModelForSeq2SeqLM

from lamp.model_files.text_config import ENCODERS

_STORED_WHOLE = {"emu3"}
"""Types whose class for text alone does not find its weights among those of the whole model."""


def auto_class(config: Any) -> Any:
    """Returns the transformers class that loads a model with this config, as other programs would load it.

    Some multimodal models have a class for text alone (Llama 4, Qwen3.5), others are loaded as a whole.
    """
    if config.is_encoder_decoder:
        return AutoModelForSeq2SeqLM
    autos = (AutoModelForCausalLM, AutoModelForMultimodalLM)
    for auto in reversed(autos) if config.model_type in _STORED_WHOLE else autos:
        if type(config) in auto._model_mapping:
            return auto
    return AutoModelForCausalLM  # whose error names the config


def drop_encoders(model: Any) -> None:
    """Frees the weights of the encoders of images and sound, which text never passes through.

    `lamp.backbone.probe` checks that the model still reads text as before. The encoder modules stay, because some
    models ask them for their device.
    """
    for name, encoder in model.named_modules():
        if name.rpartition(".")[2] in ENCODERS:
            for tensor in (*encoder.parameters(), *encoder.buffers()):
                tensor.data = tensor.data.new_empty(0)
