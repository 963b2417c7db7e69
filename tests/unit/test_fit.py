"""Whether a backbone and a recipe fit this machine, said before anything is downloaded."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import app.machine.devices
import app.planning.shared_tools
from app.machine.devices import Device, smallest_device
from app.machine.fit import Fit, find_fit, impossible, memory_warning
from app.processes.slots import visible_gpus
from app.studio import Studio
from app.ui.tune import backbone_text
from lamp.backbone.precision import choose_dtype
from lamp.config import DataConfig, LampConfig, TrainConfig, TuneConfig
from lamp.hub.catalog import BackboneInfo, inspect
from lamp.hub.memory import training_bytes, weight_bytes
from lamp.hub.model_shape import ModelShape

GB = 10**9
SMOLLM = BackboneInfo(
    "HuggingFaceTB/SmolLM2-135M-Instruct",
    "causal",
    576,
    134_515_008,
    8192,
    shape=ModelShape(30, 0, 576, 1536, 9, 49_152),
    model_type="llama",
    stored_bytes=269_060_552,
)
LLAMA = BackboneInfo(
    "meta-llama/Llama-3.2-1B",
    "causal",
    2048,
    1_235_814_400,
    131_072,
    shape=ModelShape(16, 0, 2048, 8192, 32, 128_256),
    model_type="llama",
    stored_bytes=2_471_645_608,
)
GPU = Device(is_gpu=True, memory_bytes=24 * GB, has_bf16=True)
CPU = Device(is_gpu=False, memory_bytes=16 * GB, has_bf16=False)
RECIPE = TuneConfig(
    "a/model",
    DataConfig(("text",), "label", max_input_tokens=128, max_target_tokens=2),
    LampConfig(prompt_length=100, pooling=5),
    TrainConfig(batch_size=16),
)


@pytest.mark.parametrize(
    ("parameters", "shape", "measured"),
    [
        (134_515_008, SMOLLM.shape, 2.08),
        (737_668_096, ModelShape(24, 24, 1024, 4096, 16, 32_128), 4.73),
        (1_235_814_400, LLAMA.shape, 6.59),
        (6_738_415_616, ModelShape(32, 0, 4096, 11_008, 32, 32_000), 24.89),
    ],
    ids=["SmolLM2-135M", "T5-Large", "Llama-3.2-1B", "Llama-2-7B"],
)
def test_the_calculated_memory_is_a_little_more_than_what_was_measured(
    parameters: int, shape: ModelShape, measured: float
) -> None:
    """The measured peaks of 16 rows of 128 tokens on a GPU, from docs/results.md."""
    backbone = replace(LLAMA, parameters=parameters, shape=shape)
    assert measured <= training_bytes(backbone, RECIPE, 2, on_cpu=False) / GB <= 1.3 * measured


def test_smaller_batches_checkpointing_and_fewer_bits_want_less_memory() -> None:
    def needed(**train: Any) -> int:
        return training_bytes(LLAMA, replace(RECIPE, train=replace(RECIPE.train, **train)), 2, on_cpu=False)

    assert needed(batch_size=4) < needed(batch_size=16)
    assert needed(gradient_checkpointing=True) < needed()
    assert needed(quantization="4bit") < needed(quantization="8bit") < needed()
    assert weight_bytes(LLAMA, 2) == 2 * LLAMA.parameters
    assert training_bytes(LLAMA, RECIPE, 2, on_cpu=True) > needed()


def test_the_precision_that_will_be_chosen_counts() -> None:
    assert [CPU.bytes_per_value(precision, "llama") for precision in ("auto", "bf16", "fp32")] == [4, 2, 4]
    old_gpu = replace(GPU, has_bf16=False)
    assert [old_gpu.bytes_per_value("auto", family) for family in ("llama", "t5")] == [2, 4]
    assert GPU.bytes_per_value("auto", "t5") == 2


@pytest.mark.parametrize("family", ["llama", "t5", "mt5", "umt5"])
def test_it_is_the_precision_that_the_training_chooses_on_this_machine(family: str) -> None:
    devices = [("", "cpu"), *((gpu, f"cuda:{number}") for number, gpu in enumerate(visible_gpus()))]
    for name, device in devices:
        chosen = choose_dtype("auto", torch.device(device), family)
        assert smallest_device((name,)).bytes_per_value("auto", family) == chosen.itemsize


def fit(**values: Any) -> Fit:
    usual = Fit(
        download=1_200_000_000, free_disk=90 * GB, weights=GB, training=2_600_000_000, memory=24 * GB, is_gpu=True
    )
    return replace(usual, **values)


def test_a_sentence_says_what_is_downloaded_and_what_memory_is_needed() -> None:
    assert backbone_text.fit(fit()) == ("About 1.2 GB to download; needs about 2.6 GB of the 24.0 GB of GPU memory.")
    assert backbone_text.fit(fit(download=0)).startswith("On this machine; needs")
    assert backbone_text.fit(fit(memory=None)).endswith("needs about 2.6 GB of memory.")
    too_much = backbone_text.fit(fit(training=30 * GB, is_gpu=False))
    assert "Perhaps too large for this machine: it needs about 30.0 GB" in too_much


def test_a_recipe_that_may_need_too_much_is_a_warning_and_weights_that_cannot_fit_are_a_problem() -> None:
    assert not impossible(fit()) and not memory_warning(fit())
    tight = fit(training=30 * GB)
    assert not impossible(tight) and "lower the batch size" in memory_warning(tight)
    (too_large,) = impossible(fit(weights=25 * GB, training=30 * GB))
    assert too_large.startswith("Too large for this machine: the backbone's weights alone take 25.0 GB")
    (no_room,) = impossible(fit(free_disk=GB))
    assert "wants 1.2 GB more on it, and 1.0 GB are free" in no_room
    assert not impossible(fit(download=0, free_disk=0))


def test_a_backbone_in_a_folder_needs_no_download(tiny_llama: Path) -> None:
    found = find_fit(inspect(str(tiny_llama)), True, RECIPE, CPU)
    assert found.download == 0 and found.memory == 16 * GB and found.training > found.weights > 0
    assert find_fit(SMOLLM, False, RECIPE, CPU).download == SMOLLM.stored_bytes


def test_a_plan_says_whether_the_backbone_fits_and_refuses_one_that_cannot(
    studio: Studio, tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = studio.datasets()[0].reference
    config = TuneConfig(str(tiny_llama), studio.guess_columns(dataset))
    plan = studio.plan(config, dataset)
    assert plan.fit is not None and plan.fit.fits_memory and not plan.problems
    tight = Device(is_gpu=False, memory_bytes=plan.fit.training - 1, has_bf16=False)
    monkeypatch.setattr(app.planning.shared_tools, "smallest_device", lambda _: tight)
    plan = studio.plan(config, dataset)
    assert not plan.problems and "gradient checkpointing" in plan.backbone_warnings[0]
    monkeypatch.setattr(app.planning.shared_tools, "smallest_device", lambda _: replace(tight, memory_bytes=1000))
    plan = studio.plan(config, dataset)
    assert [key for problem, key in plan.fields.items() if "Too large for this machine" in problem] == ["backbone"]


def test_the_device_is_asked_of_the_driver_or_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(
        '#!/bin/sh\ncase "$1" in --id=0) echo "24564, 8.9";; --id=1) echo "16384, 7.5";; *) exit 6;; esac\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    smallest_device.cache_clear()
    assert smallest_device(("0", "1")) == Device(True, 16384 * 2**20, has_bf16=False)
    assert smallest_device(("MIG-7",)) == Device(True, None, has_bf16=True)
    memory = smallest_device(("",)).memory_bytes
    assert memory is not None and memory > GB / 2
    smallest_device.cache_clear()


@pytest.mark.parametrize(
    ("line", "has_it"),
    [("flags : fpu avx512_bf16 amx_bf16", True), ("Features : fp asimd bf16", True), ("flags : fpu avx2", False)],
)
def test_the_processors_instructions_for_bf16_are_found(line: str, has_it: bool) -> None:
    assert app.machine.devices._cpu_multiplies_bf16(["processor : 0", line]) is has_it
