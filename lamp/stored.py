"""The tensors in safetensors files, by their headers alone."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamp.errors import BackboneError

Shapes = dict[str, tuple[int, ...]]
"""Tensor name → shape, of floating-point tensors only."""

_LARGEST_HEADER = 100 * 2**20
"""Bytes; safetensors itself refuses more."""


def count_parameters(config: Mapping[str, Any], shapes: Shapes) -> int:
    """Numbers in the tensors, tied matrices once, without the masks in old GPT-2 files and BART's row of zeros."""
    total = sum(math.prod(shape) for name, shape in shapes.items()
                if shape[:2] != (1, 1) and not name.endswith("final_logits_bias"))
    names = ("lm_head.weight", "embed_tokens.weight", "shared.weight", "wte.weight", "embed_in.weight")
    tables = [shape for name, shape in shapes.items() if name.endswith(names)]
    if config.get("tie_word_embeddings") is True and len(set(tables)) == 1:
        total -= math.prod(tables[0]) * (len(tables) - 1)
    return total


def stored_shapes(reference: str, path: Path) -> Shapes:
    """Shapes in one safetensors file, from its header alone; BackboneError when the file is cut short or not one."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size, _LARGEST_HEADER):
                raise ValueError("the header is longer than the file")
            header = json.loads(file.read(length))
        tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
        if max((entry["data_offsets"][1] for entry in tensors.values()), default=0) + 8 + length > size:
            raise ValueError("the file ends before its last tensor")
        return {name: tuple(entry["shape"]) for name, entry in tensors.items() if is_number(entry["dtype"])}
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise BackboneError(f"{path.name} of the backbone {reference!r} is not a whole safetensors file: "
                            "copy or download it again.") from error


def is_number(dtype: str) -> bool:
    """Whether tensors of this safetensors type ("F32", "BF16", "I64") hold floating-point numbers."""
    return dtype.startswith(("F", "BF"))
