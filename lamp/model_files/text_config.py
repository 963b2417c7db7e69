"""Finds the config of the text model in that of a multimodal model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PARTS = ("text_config", "encoder", "thinker_config")
"""Keys of a config that hold the text model; T5Gemma 2 has a text_config inside its encoder."""

ENCODERS = {
    *("vision_tower", "visual", "vision_model", "vision_encoder", "image_tower", "vqmodel"),
    *("audio_tower", "audio_encoder", "speech_encoder"),
}
"""What transformers calls the encoders of images and sound in every family (`PreTrainedModel.get_encoder`), and
what makes tokens of images in Chameleon, Emu3 and Janus."""


def text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the config of the text model, or of its encoder if it has one; `config` itself if it has no parts."""
    for key in _PARTS:
        if isinstance(part := config.get(key), Mapping):
            return text_config(part)
    return config
