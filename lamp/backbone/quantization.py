"""Weights in fewer bits: quantised by bitsandbytes when they are loaded, or already stored quantised."""

from __future__ import annotations

import logging
from typing import Any

import torch

from lamp.config import Quantization
from lamp.model_files.packed_weights import UNPACKED, method_of


def quantization_config(quantization: Quantization, dtype: torch.dtype) -> dict[str, Any] | None:
    """Returns transformers' settings for quantising weights while loading; None for "none".

    8 bits are LLM.int8 (Dettmers et al. 2022); 4 bits are NF4 with double quantisation, which quantises the scales as
    well (Dettmers et al. 2023). dtype: the number format of the computations.
    """
    if quantization == "none":
        return None
    # bitsandbytes warns at every product of another type that LLM.int8 computes in float16.
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


def unpack_when_loaded(config: Any) -> None:
    """Makes transformers convert weights that are stored in FP8 or MXFP4 to ordinary numbers while loading.

    Products of packed weights pass no gradients. config: the model's config, which is changed.
    """
    for part in (config, config.get_text_config()):
        settings = getattr(part, "quantization_config", None)
        if isinstance(settings, dict) and method_of(settings) in UNPACKED:
            settings["dequantize"] = True


def convert_the_rest(model: torch.nn.Module, dtype: torch.dtype) -> None:
    """Converts weights that are not packed, such as norms and embeddings, to the number format of the computations.

    transformers leaves them in the format of the files if other weights are packed.
    """
    for weight in model.parameters():
        if weight.is_floating_point() and weight.dtype != dtype:
            weight.data = weight.data.to(dtype)


def keep_differentiable(model: torch.nn.Module) -> None:
    """Prevents bitsandbytes from packing 4-bit layers at the first inference on AVX512-BF16 CPUs.

    Packed layers pass no gradients, and small layers cannot be packed.
    """
    for layer in model.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False  # type: ignore[assignment]  # an attribute of bitsandbytes' layers
