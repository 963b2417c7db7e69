"""Checkpoints whose weights are stored quantised: counted, loaded and trained exactly, or refused in one sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.quantization import keep_differentiable
from lamp.config import DataConfig, TuneConfig
from lamp.errors import BackboneError
from lamp.export.saved_prompt import load_prompt, save_prompt
from lamp.hub import stored_quantization
from lamp.hub.catalog import inspect
from lamp.hub.memory import weight_bytes
from lamp.hub.recipe_fit import misfits
from tests.packed import save_bitsandbytes, save_declared, save_fp8, save_mxfp4
from tests.unit.training import recipe, run

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("packed")
    return {
        "4bit": save_bitsandbytes(folder / "4bit", 4),
        "8bit": save_bitsandbytes(folder / "8bit", 8),
        "fp8": save_fp8(folder / "fp8")[0],
        "mxfp4": save_mxfp4(folder / "mxfp4"),
    }


@pytest.mark.parametrize("kind", ["4bit", "8bit", "fp8", "mxfp4"])
def test_packed_weights_count_as_the_numbers_that_they_stand_for(kind: str, checkpoints: dict[str, Path]) -> None:
    packed = checkpoints[kind]
    plain = packed.with_name(f"{kind}-plain")
    assert inspect(str(packed)).parameters == inspect(str(plain)).parameters
    assert inspect(str(packed)).longest_sequence == inspect(str(plain)).longest_sequence


@pytest.mark.parametrize("kind", ["4bit", "8bit", "fp8", "mxfp4"])
def test_the_calculated_weights_are_as_large_as_the_loaded_ones(kind: str, checkpoints: dict[str, Path]) -> None:
    reference = str(checkpoints[kind])
    info, backbone = inspect(reference), FrozenBackbone.load(reference, precision="fp32", device=CPU)
    calculated = weight_bytes(info, 4)
    taken = sum(weight.numel() * weight.element_size() for weight in backbone.model.parameters())
    assert taken == pytest.approx(calculated, rel=0.15)  # the scales of packed weights are no parameters


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", ["4bit", "8bit", "fp8", "mxfp4"])
def test_everything_that_is_not_packed_has_the_format_of_the_recipe(
    kind: str, precision: Any, checkpoints: dict[str, Path]
) -> None:
    backbone = FrozenBackbone.load(str(checkpoints[kind]), precision=precision, device=CPU)
    formats = {weight.dtype for weight in backbone.model.parameters() if weight.is_floating_point()}
    assert formats == {torch.float32 if precision == "fp32" else torch.bfloat16}
    assert backbone.is_quantized == (kind in ("4bit", "8bit"))


def test_fp8_weights_become_the_numbers_that_they_stand_for(tmp_path: Path) -> None:
    packed, plain = save_fp8(tmp_path / "fp8")
    models = [FrozenBackbone.load(str(folder), precision="fp32", device=CPU).model for folder in (packed, plain)]
    got, wanted = (dict(model.named_parameters()) for model in models)
    assert got.keys() == wanted.keys()
    for name, weight in wanted.items():
        torch.testing.assert_close(got[name], weight)


@pytest.mark.parametrize("kind", ["4bit", "8bit", "fp8", "mxfp4"])
def test_a_prompt_is_trained_behind_packed_weights_and_loads_in_stock_peft(
    kind: str, checkpoints: dict[str, Path], tiny_table: Path, tmp_path: Path
) -> None:
    folder = checkpoints[kind]
    config = recipe(folder, steps=2, evaluate_every=2, checkpoint_every=2)
    result, _ = run(config, tiny_table, tmp_path / "checkpoints")
    assert not result.failure
    (tmp_path / "exported").mkdir()
    save_prompt(result, config, tmp_path / "exported")
    prompt = load_prompt(tmp_path / "exported").virtual_tokens
    backbone = FrozenBackbone.load(str(folder), precision="fp32", device=CPU)
    ids = torch.tensor([backbone.tokenizer("the film was good").input_ids])
    embeddings, _ = backbone.join(prompt, ids, torch.ones_like(ids))
    stock: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, device_map={"": "cpu"})
    keep_differentiable(stock)  # on some CPUs bitsandbytes would pack its layers again, which are too small for that
    peft = PeftModel.from_pretrained(stock, str(tmp_path / "exported")).eval()
    with torch.inference_mode():
        wanted = backbone.model(inputs_embeds=embeddings).logits
        got = peft(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    torch.testing.assert_close(got.float(), wanted, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("kind", ["4bit", "8bit", "fp8", "mxfp4"])
def test_packed_weights_are_not_packed_once_more(kind: str, checkpoints: dict[str, Path]) -> None:
    reference = str(checkpoints[kind])
    config = TuneConfig(reference, DataConfig(("text",), "label"))
    config = replace(config, train=replace(config.train, quantization="8bit"))
    (sentence,) = misfits(inspect(reference), config)
    assert "cannot be put into 8 or 4 bits once more: leave" in sentence
    with pytest.raises(BackboneError) as refusal:
        FrozenBackbone.load(reference, device=CPU, quantization="8bit")
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"quant_method": "gptq", "bits": 4},
            "is stored quantised in GPTQ, which needs the libraries gptqmodel and optimum: choose the unquantised "
            "model that it was made from, or install them and start the studio again.",
        ),
        ({"quant_method": "awq", "bits": 4}, "in AWQ, which needs the library gptqmodel: choose the unquantised model"),
        (
            {"quant_method": "compressed-tensors"},
            "in the format of compressed-tensors, which needs the library compressed-tensors: choose",
        ),
        ({"quant_method": "aqlm"}, "in the format of aqlm, which the studio does not load: choose the unquantised"),
        ({}, "in the format of an unknown method, which the studio does not load: choose the unquantised"),
    ],
)
def test_a_packing_that_cannot_be_loaded_is_refused_before_the_start(
    settings: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_quantization, "find_spec", lambda name: None)
    with pytest.raises(BackboneError) as refusal:
        inspect(str(save_declared(tmp_path / "model", settings)))
    assert words in str(refusal.value) and "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("settings", "tensor", "numbers"),
    [
        ({"quant_method": "gptq", "bits": 4}, ("I32", (4, 32)), 4 * 32 * 8),
        ({"quant_method": "awq", "w_bit": 4}, ("I32", (32, 4)), 4 * 32 * 8),
        ({"quant_method": "gptq", "bits": 8}, ("I32", (8, 32)), 8 * 32 * 4),
        (
            {"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 8}}}},
            ("I8", (32, 32)),
            32 * 32,
        ),
    ],
)
def test_packed_tensors_are_counted_by_the_bits_of_their_config(
    settings: dict[str, Any], tensor: Any, numbers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_quantization, "find_spec", lambda name: True)
    packing = stored_quantization.stored_quantization("a/model", {"quantization_config": settings})
    tensors = {
        "model.layers.0.q_proj.qweight": tensor,
        "model.layers.0.q_proj.scales": ("F16", (1, 32)),
        "model.layers.0.q_proj.qzeros": ("I32", (1, 4)),
        "model.layers.0.q_proj.g_idx": ("I32", (32,)),
        "model.norm.weight": ("BF16", (32,)),
    }
    shapes = stored_quantization.unpacked_shapes(tensors, packing)
    assert shapes == {"model.layers.0.q_proj.qweight": (numbers,), "model.norm.weight": (32,)}
