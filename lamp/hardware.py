"""Which device and which number format a run uses."""

from __future__ import annotations

import logging
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import parse_flag_from_env

from lamp.config import Precision, Quantization

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def default_device() -> torch.device:
    """The first accelerator that is there, otherwise the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def process_state() -> PartialState:
    """This process among those that train together, and its device.

    accelerate has to be told of the CPU: with no accelerator, or when the launcher asks for the CPU, it would otherwise
    take each of several processes to be alone.
    """
    return PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU") or default_device().type == "cpu")


def choose_dtype(precision: Precision, device: torch.device, model_type: str) -> torch.dtype:
    """The backbone's number format: as asked, or the fastest one that the hardware computes in and that is safe.

    T5's activations overflow float16, so it falls back to float32 there.
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
    return {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4",
            "bnb_4bit_use_double_quant": True, "bnb_4bit_compute_dtype": dtype}


def keep_differentiable(model: torch.nn.Module) -> None:
    """Keeps 4-bit layers from packing their weights at the first answer, as bitsandbytes does on AVX512-BF16 CPUs.

    Packed layers have no gradient, and small ones cannot be packed.
    """
    for layer in model.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False  # type: ignore[assignment]  # what bitsandbytes' layers have


def _cpu_multiplies_bf16() -> bool:
    """Whether the processor has bfloat16 dot products (AVX512-BF16, AMX or Arm's)."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16"))
