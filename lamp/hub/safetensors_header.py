"""Reads names and shapes of the tensors in safetensors files from the headers alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from lamp.errors import BackboneError
from lamp.model_files.text_config import ENCODERS

Shapes = dict[str, tuple[int, ...]]
"""Tensor name → shape, of floating-point tensors only."""
Tensors = dict[str, tuple[str, tuple[int, ...]]]
"""Tensor name → its type, such as "BF16", and its shape."""
_EMBEDDINGS = ("embed_tokens.weight", "shared.weight", "wte.weight", "embed_in.weight", "word_embeddings.weight")


def without_encoders(tensors: Tensors) -> Tensors:
    """Returns the tensors that text passes through: `lamp.backbone.text_part` removes the others."""
    return {name: tensor for name, tensor in tensors.items() if ENCODERS.isdisjoint(name.split("."))}


def embedding_shape(shapes: Shapes) -> tuple[int, ...] | None:
    """Returns the shape (tokens, width) of the stored embedding table; None if no tensor has a usual name of one."""
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


def stored_tensors(reference: str, path: Path) -> Tensors:
    """Reads the types and shapes in one safetensors file, and no weights.

    reference: what error messages call the backbone. Raises BackboneError for a file that is cut short or of another
    format.
    """
    try:
        with safe_open(path, "numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  # it has no __iter__
            return {name: (part.get_dtype(), tuple(part.get_shape())) for name, part in slices.items()}
    except (OSError, SafetensorError) as error:
        raise BackboneError(
            f"{path.name} of the backbone {reference!r} is not a whole safetensors file: copy or download it again."
        ) from error


def is_floating_point(dtype: str) -> bool:
    """Whether a safetensors type is a floating-point one: "F32" and "BF16" are, "I64" is not."""
    return dtype.startswith(("F", "BF"))
