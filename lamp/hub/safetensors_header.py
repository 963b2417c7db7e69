"""The tensors in safetensors files, by their headers alone."""

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
    """Numbers in the tensors, tied matrices once, without the masks in old GPT-2 files and BART's row of zeros."""
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
    """Shapes in one safetensors file; no weights are read. Raises BackboneError when the file is cut short or not one.

    reference: what to call the backbone in that error.
    """
    try:
        with safe_open(path, "numpy") as stored:
            slices = {name: stored.get_slice(name) for name in stored.keys()}  # noqa: SIM118  # it has no __iter__
            return {name: tuple(part.get_shape()) for name, part in slices.items() if is_number(part.get_dtype())}
    except (OSError, SafetensorError) as error:
        raise BackboneError(
            f"{path.name} of the backbone {reference!r} is not a whole safetensors file: copy or download it again."
        ) from error


def is_number(dtype: str) -> bool:
    """Whether tensors of this safetensors type ("F32", "BF16", "I64") hold floating-point numbers."""
    return dtype.startswith(("F", "BF"))
