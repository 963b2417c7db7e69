"""Backbone weights stored in 8 or 4 bits by bitsandbytes."""

from __future__ import annotations

import logging
from typing import Any

import torch

from lamp.config import Quantization


def quantization_config(quantization: Quantization, dtype: torch.dtype) -> dict[str, Any] | None:
    """How transformers quantises weights while it loads them; None leaves them as they are.

    Eight bits are LLM.int8 (Dettmers et al. 2022), four are NF4 with its scales quantised too (Dettmers et al. 2023).
    dtype: what is computed in.
    """
    if quantization == "none":
        return None
    # It says at every product of another type that LLM.int8 computes in float16.
    logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    if quantization == "8bit":
        return {"quant_method": "bitsandbytes", "load_in_8bit": True}
    return {
        "quant_method": "bitsandbytes",
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": True,
        "bnb_4bit_compute_dtype": dtype,
    }


def keep_differentiable(model: torch.nn.Module) -> None:
    """Keeps 4-bit layers from packing their weights at the first answer, as bitsandbytes does on AVX512-BF16 CPUs.

    Packed layers have no gradient, and small ones cannot be packed.
    """
    for layer in model.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False  # type: ignore[assignment]  # what bitsandbytes' layers have
