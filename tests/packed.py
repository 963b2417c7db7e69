"""Tiny checkpoints whose weights are stored quantised, with real packed tensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.families import CAUSAL, save_model
from tests.tiny import save_tiny


def save_bitsandbytes(folder: Path, bits: int) -> Path:
    """A Llama that bitsandbytes has packed."""
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    source = save_tiny(folder.with_name(f"{folder.name}-plain"), "llama")
    settings: Any = BitsAndBytesConfig(
        load_in_4bit=bits == 4,
        load_in_8bit=bits == 8,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
    )
    model = AutoModelForCausalLM.from_pretrained(source, quantization_config=settings, device_map={"": "cpu"})
    model.save_pretrained(folder)
    _copy_tokenizer(source, folder)
    return folder


def save_fp8(folder: Path) -> tuple[Path, Path]:
    """A Llama in FP8 with a scale for each block, and the same weights in float32."""
    import torch
    from safetensors.torch import load_file, save_file

    plain = save_tiny(folder.with_name(f"{folder.name}-plain"), "llama")
    weights = load_file(plain / "model.safetensors")
    packed, unpacked = {}, {}
    for name, weight in weights.items():
        if weight.dim() != 2 or "embed" in name or "lm_head" in name:
            packed[name] = unpacked[name] = weight
            continue
        blocks = weight.unflatten(0, (-1, 16)).unflatten(2, (-1, 16))
        scale = blocks.abs().amax(dim=(1, 3)) / 448
        stored = (blocks / scale[:, None, :, None]).to(torch.float8_e4m3fn)
        packed[name] = stored.flatten(2).flatten(0, 1)
        packed[f"{name}_scale_inv"] = scale
        unpacked[name] = (stored.float() * scale[:, None, :, None]).flatten(2).flatten(0, 1)
    folder.mkdir()
    save_file(packed, folder / "model.safetensors", metadata={"format": "pt"})
    save_file(unpacked, plain / "model.safetensors", metadata={"format": "pt"})
    _declare(plain, folder, {"quant_method": "fp8", "weight_block_size": [16, 16], "activation_scheme": "dynamic"})
    return folder, plain


def save_mxfp4(folder: Path) -> Path:
    """A gpt-oss whose experts are in MXFP4: pairs of 4-bit numbers in a byte, 32 of them under one exponent."""
    import torch
    from safetensors.torch import load_file, save_file

    plain = save_model(folder.with_name(f"{folder.name}-plain"), CAUSAL["gpt_oss"])
    weights = load_file(plain / "model.safetensors")
    packed = {}
    for name, weight in weights.items():
        if name.endswith(("gate_up_proj", "down_proj")):
            experts, read, written = weight.shape
            shape = (experts, written, read // 32)
            packed[f"{name}_blocks"] = torch.randint(256, (*shape, 16), dtype=torch.uint8)
            packed[f"{name}_scales"] = torch.full(shape, 125, dtype=torch.uint8)
        else:
            packed[name] = weight
    folder.mkdir()
    save_file(packed, folder / "model.safetensors", metadata={"format": "pt"})
    _declare(plain, folder, {"quant_method": "mxfp4", "modules_to_not_convert": ["model.embed_tokens", "lm_head"]})
    return folder


def save_declared(folder: Path, settings: dict[str, Any]) -> Path:
    """A Llama whose config says that its weights are packed, which they are not."""
    save_tiny(folder, "llama")
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "quantization_config": settings}))
    return folder


def _declare(source: Path, folder: Path, settings: dict[str, Any]) -> None:
    config = json.loads((source / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "quantization_config": settings}))
    _copy_tokenizer(source, folder)


def _copy_tokenizer(source: Path, folder: Path) -> None:
    for file in source.glob("tokenizer*"):
        (folder / file.name).write_bytes(file.read_bytes())
