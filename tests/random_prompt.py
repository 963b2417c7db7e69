"""Prompts that are random numbers, saved as trained ones are: for tests of what becomes of a prompt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lamp.config import DataConfig, LampConfig, TrainConfig, TuneConfig
from lamp.export.saved_prompt import ADAPTER, LAMP_CONFIG, RECIPE


def save_random_prompt(
    folder: Path,
    backbone: Path,
    *,
    virtual: int = 4,
    size: float = 2.0,
    chat: bool = False,
    labels: tuple[str, ...] = ("positive", "negative"),
    **data: Any,
) -> Path:
    """A prompt for a backbone, read as plain text or in its chat template. size: of the numbers."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoTokenizer

    from lamp.backbone.frozen import FrozenBackbone
    from lamp.data.chat import chat_affixes

    folder.mkdir(parents=True)
    width = FrozenBackbone.load(str(backbone), precision="fp32").hidden_size
    torch.manual_seed(3)
    save_file({"prompt_embeddings": torch.randn(virtual, width) * size}, folder / ADAPTER)
    lamp: dict[str, Any] = {"labels": list(labels), "task": "classification" if labels else "generation"}
    if chat:
        affixes = chat_affixes(AutoTokenizer.from_pretrained(backbone), str(backbone))
        lamp["chat_before"], lamp["chat_after"] = affixes
    (folder / LAMP_CONFIG).write_text(json.dumps(lamp))
    recipe = TuneConfig(
        backbone=str(backbone),
        data=DataConfig(
            ("text",), "label", input_format="chat" if chat else "plain", **{"max_target_tokens": 6, **data}
        ),
        lamp=LampConfig(prompt_length=5 * virtual, rank=4, pooling=5),
        train=TrainConfig(precision="fp32"),
    )
    (folder / RECIPE).write_text(json.dumps(recipe.to_dict()))
    return folder
