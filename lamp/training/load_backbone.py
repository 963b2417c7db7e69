"""Loads the backbone that a recipe asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lamp.backbone.devices import process_state
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.gradient_checkpointing import enable_gradient_checkpointing
from lamp.config import TuneConfig


def load_backbone(
    config: TuneConfig, folder: str | Path | None, note: Callable[[str], None] = lambda _: None
) -> FrozenBackbone:
    """Loads the frozen backbone onto this process's device, with the recipe's options for memory and speed.

    folder: where the weights are, if not where the recipe says; note: called with sentences for the log. Raises
    BackboneError.
    """
    settings = config.train
    backbone = FrozenBackbone.load(
        config.backbone, folder, settings.precision, process_state().device, settings.quantization
    )
    if backbone.is_quantized and backbone.device.type == "cpu":
        note("Weights in 8 or 4 bits are for CUDA GPUs: on a CPU they make steps slower and spare little.")
    if backbone.reading_note:
        note(backbone.reading_note)
    if settings.gradient_checkpointing:
        enable_gradient_checkpointing(backbone.model)
    if settings.compile:
        backbone.compile()
    return backbone
