"""How a checkpoint's weights are packed, according to its config.json, and whether this machine can load them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from lamp.errors import BackboneError
from lamp.hub.safetensors_header import Shapes, Tensors, is_floating_point
from lamp.model_files.file_faults import stored_quantised
from lamp.model_files.packed_weights import UNPACKED, method_of, packing_of

_LIBRARIES: dict[str, dict[str, str]] = {
    "bitsandbytes": {"bitsandbytes": "bitsandbytes"},
    "gptq": {"gptqmodel": "gptqmodel", "optimum": "optimum"},
    "awq": {"gptqmodel": "gptqmodel"},
    "fp8": {},
    "mxfp4": {},
    "compressed-tensors": {"compressed_tensors": "compressed-tensors"},
}
"""Method → module that is needed to load it → the package that contains the module."""
_SCALES = (
    "scale",
    "scales",
    "scale_inv",
    "absmax",
    "quant_map",
    "SCB",
    "qzeros",
    "g_idx",
    "zero_point",
    "weight_shape",
    "weight_format",
)
"""Suffixes of tensors that are stored beside packed weights."""
_STORED_BYTES = {"64": 8, "32": 4, "16": 2}


@dataclass(frozen=True)
class StoredQuantization:
    """The packing of a checkpoint's weights."""

    method: str
    """The method as transformers names it, such as "gptq"."""
    bits: int
    """Bits of a packed weight."""

    @property
    def stays_packed(self) -> bool:
        """Whether the weights need as much memory as disk space."""
        return self.method not in UNPACKED


def stored_quantization(reference: str, config: Mapping[str, Any]) -> StoredQuantization | None:
    """Returns the packing that config.json declares; None for ordinary weights.

    Raises BackboneError, in one sentence, for a packing that is not supported, or whose library is not installed.
    """
    settings = packing_of(config)
    if settings is None:
        return None
    method = method_of(settings)
    instead = "choose the unquantised model that it was made from"
    if method not in _LIBRARIES:
        raise BackboneError(f"{stored_quantised(reference, method)}, which the studio does not load: {instead}.")
    missing = [package for module, package in _LIBRARIES[method].items() if find_spec(module) is None]
    if missing:
        libraries = f"the {'library' if len(missing) == 1 else 'libraries'} {' and '.join(missing)}"
        them = "it" if len(missing) == 1 else "them"
        raise BackboneError(
            f"{stored_quantised(reference, method)}, which needs {libraries}: {instead}, or install {them} and start "
            "the studio again."
        )
    return StoredQuantization(method, _bits(method, settings))


def unpacked_shapes(tensors: Tensors, packing: StoredQuantization | None) -> Shapes:
    """Returns the shapes of the loaded model's floating-point tensors; for packed ones only the size is right."""
    shapes: Shapes = {}
    for name, (dtype, shape) in tensors.items():
        if packing is not None and (name.endswith(_SCALES) or ".quant_state." in name):
            continue
        if is_floating_point(dtype):
            shapes[name] = shape
        elif packing is not None and shape:
            shapes[name] = (math.prod(shape) * 8 * _bytes(dtype) // packing.bits,)
    return shapes


def stored_bytes(tensors: Tensors) -> int:
    """Returns the size of tensors in their files, in bytes."""
    return sum(math.prod(shape) * _bytes(dtype) for dtype, shape in tensors.values())


def _bits(method: str, settings: Mapping[str, Any]) -> int:
    if method == "bitsandbytes":
        return 4 if settings.get("load_in_4bit") else 8
    if method in ("fp8", "mxfp4"):
        return 8 if method == "fp8" else 4
    groups = settings.get("config_groups")
    group = next(iter(groups.values()), None) if isinstance(groups, Mapping) else None
    weights = group.get("weights") if isinstance(group, Mapping) else None
    bits = weights.get("num_bits") if isinstance(weights, Mapping) else settings.get("bits", settings.get("w_bit"))
    return bits if isinstance(bits, int) and 0 < bits <= 32 else 4


def _bytes(dtype: str) -> int:
    """Returns the bytes of one number of a safetensors type, such as "BF16" or "I32"."""
    return next((size for end, size in _STORED_BYTES.items() if dtype.endswith(end)), 1)
