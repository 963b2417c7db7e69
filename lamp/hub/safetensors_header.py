"""Names and shapes of the tensors in safetensors files, read from the headers alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from lamp.errors import BackboneError

Shapes = dict[str, tuple[int, ...]]
"""Tensor name → shape, of floating-point tensors only."""
_EMBEDDINGS = ("embed_tokens.weight", "shared.weight", "wte.weight", "embed_in.weight", "word_embeddings.weight")
_ENCODERS = {
    *("vision_tower", "visual", "vision_model", "vision_encoder", "image_tower"),
    *("audio_tower", "audio_encoder", "speech_encoder"),
}
"""What transformers calls the encoders of images and sound, which `lamp.backbone.text_part` lets go."""


def without_encoders(shapes: Shapes) -> Shapes:
    """The tensors that text passes through."""
    return {name: shape for name, shape in shapes.items() if _ENCODERS.isdisjoint(name.split("."))}


def embedding_shape(shapes: Shapes) -> tuple[int, ...] | None:
    """Shape (tokens, width) of the stored table of token embeddings; None if none has one of the usual names."""
    return next((shape for name, shape in shapes.items() if name.endswith(_EMBEDDINGS) and len(shape) == 2), None)


def count_parameters(config: Mapping[str, Any], shapes: Shapes) -> int:
    """Counts the model's parameters: tied matrices once, buffers not at all.

    The buffers are the attention masks stored in old GPT-2 files and BART's `final_logits_bias`, a row of zeros.
    """
    total = sum(
        math.prod(shape)
        for name, shape in shapes.items()
        if shape[:2] != (1, 1) and not name.endswith("final_logits_bias")
    )
    tables = [shape for name, shape in shapes.items() if name.endswith(("lm_head.weight", *_EMBEDDINGS))]
    if config.get("tie_word_embeddings") is True and len(set(tables)) == 1:
        total -= math.prod(tables[0]) * (len(tables) - 1)
    return total


def stored_shapes(reference: str, path: Path) -> Shapes:
    """Reads the shapes in one safetensors file, and no weights.

    reference: what error messages call the backbone. Raises BackboneError for a file that is cut short or of another
    format.
    """
    try:
        with safe_open(path, "numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  # it has no __iter__
            return {
                name: tuple(part.get_shape()) for name, part in slices.items() if is_floating_point(part.get_dtype())
            }
    except (OSError, SafetensorError) as error:
        raise BackboneError(
            f"{path.name} of the backbone {reference!r} is not a whole safetensors file: copy or download it again."
        ) from error


def is_floating_point(dtype: str) -> bool:
    """Whether a safetensors type is a floating-point one: "F32" and "BF16" are, "I64" is not."""
    return dtype.startswith(("F", "BF"))
