"""The part of a model that reads and writes text, which in multimodal models is one of several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PARTS = ("text_config", "encoder", "thinker_config")
"""Where a config keeps it; T5Gemma 2 has a text_config inside its encoder."""

ENCODERS = {
    *("vision_tower", "visual", "vision_model", "vision_encoder", "image_tower", "vqmodel"),
    *("audio_tower", "audio_encoder", "speech_encoder"),
}
"""What transformers calls the encoders of images and sound in every family (`PreTrainedModel.get_encoder`), and
what makes tokens of images in Chameleon, Emu3 and Janus."""


def text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of the text model, of its encoder where it has one; `config` itself where it has no parts."""
    for key in _PARTS:
        if isinstance(part := config.get(key), Mapping):
            return text_config(part)
    return config
