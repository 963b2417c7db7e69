"""Loads the model and the tokenizer of a backbone, and checks that they are whole and fit each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoTokenizer

from lamp.backbone.devices import default_device
from lamp.backbone.precision import choose_dtype
from lamp.backbone.quantization import (
    convert_the_rest,
    keep_differentiable,
    quantization_config,
    unpack_when_loaded,
)
from lamp.backbone.text_part import auto_class, drop_encoders
from lamp.backbone.whole import check_tokenizer, check_weights
from lamp.config import Precision, Quantization
from lamp.errors import BackboneError
from lamp.model_files.file_faults import adapter_beside_weights, quantised_twice
from lamp.model_files.packed_weights import method_of, packing_of


def load_model(
    reference: str, source: str, precision: Precision, device: torch.device | None, quantization: Quantization
) -> tuple[Any, Any]:
    """The model and tokenizer in a folder or under a Hub id, whole and fitting each other."""
    if (Path(source) / "adapter_config.json").is_file():  # transformers would fetch the model that it names
        raise BackboneError(adapter_beside_weights(reference))
    device = device or default_device()
    config = AutoConfig.from_pretrained(source, trust_remote_code=False)
    packing = packing_of(config.to_dict())
    if packing:
        if quantization != "none":
            raise BackboneError(quantised_twice(reference, method_of(packing)))
        unpack_when_loaded(config)
    dtype = choose_dtype(precision, device, str(config.model_type))
    loaded: Any = auto_class(config).from_pretrained(
        source,
        config=config,
        dtype=dtype,
        use_safetensors=True,
        trust_remote_code=False,
        quantization_config=quantization_config(quantization, dtype),
        device_map={"": device},
        attn_implementation=attention_for(device),
        output_loading_info=True,
    )
    model, loading_info = loaded
    check_weights(model, loading_info, reference)
    drop_encoders(model)
    if packing:
        convert_the_rest(model, dtype)
    keep_differentiable(model)
    tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    check_tokenizer(tokenizer, model, reference)
    return model, tokenizer


def attention_for(device: torch.device) -> str | None:
    """transformers' name of the attention to compute with; None for its own choice.

    On a CPU, plain matrix products are faster than PyTorch's fused attention for the short sequences of prompt tuning,
    above all in the backward pass (benchmarks/attention.py).
    """
    return "eager" if device.type == "cpu" else None
