"""Recognises checkpoints whose weights are stored quantised, from their configs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamp.model_files.text_config import text_config

UNPACKED = {"fp8", "mxfp4", "compressed-tensors"}
"""transformers' names of methods whose weights are converted to ordinary numbers when they are loaded."""


def packing_of(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Returns the settings with which the stored weights are packed; None for ordinary weights."""
    for part in (config, text_config(config)):
        if isinstance(settings := part.get("quantization_config"), Mapping):
            return settings
    return None


def method_of(settings: Mapping[str, Any]) -> str:
    """Returns the method as transformers names it, such as "gptq"; old bitsandbytes files do not name it."""
    if settings.get("load_in_8bit") or settings.get("load_in_4bit"):
        return "bitsandbytes"
    return str(settings.get("quant_method") or "an unknown method")
