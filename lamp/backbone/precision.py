"""The number format that the backbone computes in."""

from __future__ import annotations

import torch

from lamp.config import Precision

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def choose_dtype(precision: Precision, device: torch.device, model_type: str) -> torch.dtype:
    """Returns the number format that `precision` names; for "auto" the fastest safe one that the device supports.

    The activations of T5 models overflow float16, so these get float32 where bfloat16 is not supported.
    """
    if precision != "auto":
        return _DTYPES[precision]
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.bfloat16
        return torch.float32 if model_type in {"t5", "mt5", "umt5"} else torch.float16
    if device.type == "cpu" and _cpu_multiplies_bf16():
        return torch.bfloat16
    return torch.float32


def _cpu_multiplies_bf16() -> bool:
    """Returns whether the processor has instructions for bfloat16 dot products (AVX512-BF16, AMX or Arm's)."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16"))
