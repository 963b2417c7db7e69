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


def count_parameters(config: Mapping[str, Any], shapes: Shapes) -> int:
    """Counts the model's parameters: tied matrices once, buffers not at all.

    The buffers are the attention masks stored in old GPT-2 files and BART's `final_logits_bias`, a row of zeros.
    """
    total = sum(
        math.prod(shape)
        for name, shape in shapes.items()
        if shape[:2] != (1, 1) and not name.endswith("final_logits_bias")
    )
    names = ("lm_head.weight", "embed_tokens.weight", "shared.weight", "wte.weight", "embed_in.weight")
    tables = [shape for name, shape in shapes.items() if name.endswith(names)]
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
