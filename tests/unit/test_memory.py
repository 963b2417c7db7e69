"""Large backbones in little memory: gradient checkpointing, quantised weights, scoring in smaller parts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy
import pytest
import torch
from transformers import DynamicCache

import lamp.backbone.reading
import lamp.inference.label_scores
from lamp.backbone.batch import Batch
from lamp.backbone.forward import continue_logits, target_log_likelihood
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.gradient_checkpointing import enable_gradient_checkpointing
from lamp.backbone.out_of_memory import out_of_memory
from lamp.config import DataConfig, Quantization
from lamp.data.encoding import Encoder
from lamp.data.splits import Example
from lamp.errors import OutOfMemory, TrainingError
from lamp.inference.batched import run_split_on_oom
from tests.tiny import save_tiny
from tests.unit.training import recipe, run

FAMILIES = ["llama", "qwen2", "qwen3", "gemma", "gemma3", "gpt2", "opt", "t5", "mt5", "bart"]


def batch_of(backbone: FrozenBackbone) -> Batch:
    made = Encoder(
        backbone.tokenizer, is_encoder_decoder=backbone.is_encoder_decoder, config=DataConfig(("text",), "label")
    )
    texts = ["the film was good", "it was a very dull and awful film . the acting was bad", "good"]
    return made.batch(made.encode([Example(text, "very good ending", "") for text in texts]), backbone.device)


def virtual_tokens(backbone: FrozenBackbone) -> torch.Tensor:
    values = torch.randn(6, backbone.hidden_size, generator=torch.Generator().manual_seed(3)) * 0.5
    return values.to(backbone.device).requires_grad_()


def pass_forward_and_back(backbone: FrozenBackbone) -> tuple[torch.Tensor, torch.Tensor | None, int]:
    """Likelihoods, the prompt's gradient, and how many bytes autograd saved for the backward pass."""
    sizes: list[int] = []

    def count(tensor: torch.Tensor) -> torch.Tensor:
        sizes.append(tensor.numel() * tensor.element_size())
        return tensor

    virtual = virtual_tokens(backbone)
    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        likelihood = target_log_likelihood(backbone, virtual, batch_of(backbone))
    saved_bytes = sum(sizes)
    likelihood.mean().backward()
    return likelihood.detach(), virtual.grad, saved_bytes


@pytest.mark.parametrize("family", FAMILIES)
def test_gradient_checkpointing_gives_the_same_loss_and_gradient_and_saves_less(family: str, tmp_path: Path) -> None:
    backbone = FrozenBackbone.load(str(save_tiny(tmp_path / family, family)), precision="fp32")
    likelihood, gradient, saved_bytes = pass_forward_and_back(backbone)
    enable_gradient_checkpointing(backbone.model)
    checkpointed_likelihood, checkpointed_gradient, checkpointed_bytes = pass_forward_and_back(backbone)
    assert gradient is not None and checkpointed_gradient is not None
    assert torch.equal(likelihood, checkpointed_likelihood)
    assert torch.equal(gradient, checkpointed_gradient)
    assert checkpointed_bytes < 0.6 * saved_bytes


def test_a_run_with_gradient_checkpointing_is_the_run_without(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    plain, first = run(recipe(tiny_llama), tiny_table, tmp_path / "plain")
    again, second = run(recipe(tiny_llama, gradient_checkpointing=True), tiny_table, tmp_path / "checkpointed")
    # On a card the plain run alone is recorded, and may read prompt and rows in one pass, which rounds differently.
    close = 1e-3 if torch.cuda.is_available() else 0
    assert second.losses == pytest.approx(first.losses, rel=close, abs=0)
    assert again.final.scores == pytest.approx(plain.final.scores, rel=close, abs=0)


def matrix_bytes(backbone: FrozenBackbone) -> int:
    """Size of all weight matrices in memory, without the embeddings, which are float32."""
    matrices = [parameter for parameter in backbone.model.parameters() if parameter.dim() == 2]
    size = sum(matrix.numel() * matrix.element_size() for matrix in matrices)
    return int(size - backbone.embedding.weight.numel() * 4)


@pytest.fixture(params=[False, True], ids=["any CPU", "AVX512-BF16"])
def cpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What bitsandbytes takes the processor for: on one with AVX512-BF16 it has a way of its own."""
    monkeypatch.setattr("bitsandbytes.nn.modules.has_avx512bf16", lambda: request.param)


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize("family", ["llama", "t5"])
@pytest.mark.parametrize(("bits", "share", "close"), [("8bit", 0.6, 0.05), ("4bit", 0.5, 0.5)])
def test_weights_of_few_bits_take_less_memory_and_say_nearly_the_same(
    family: str, bits: Quantization, share: float, close: float, tmp_path: Path
) -> None:
    folder = str(save_tiny(tmp_path / family, family))
    whole = FrozenBackbone.load(folder, precision="fp32")
    small = FrozenBackbone.load(folder, precision="fp32", quantization=bits)
    assert matrix_bytes(small) < share * matrix_bytes(whole)
    virtual = virtual_tokens(small)
    likelihood = target_log_likelihood(small, virtual, batch_of(small))
    with torch.no_grad():
        exact = target_log_likelihood(whole, virtual, batch_of(whole))
    assert not torch.equal(likelihood, exact)
    torch.testing.assert_close(likelihood.detach(), exact, atol=close, rtol=0)
    likelihood.mean().backward()
    assert virtual.grad is not None and virtual.grad.abs().sum(dim=1).min() > 0
    assert all(parameter.grad is None for parameter in small.model.parameters())


@pytest.mark.usefixtures("cpu")
def test_a_run_on_four_bits_is_resumed_bit_by_bit(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    config = recipe(tiny_llama, quantization="4bit")
    whole, uninterrupted = run(config, tiny_table, tmp_path / "whole")
    run(config, tiny_table, tmp_path / "parts", stop_after=7)
    resumed, after = run(config, tiny_table, tmp_path / "parts")
    assert after.losses == {step: loss for step, loss in uninterrupted.losses.items() if step > 7}
    assert all(torch.equal(whole.factors[name], resumed.factors[name]) for name in ("u", "q", "v"))


def test_scoring_that_does_not_fit_goes_on_in_smaller_parts(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = run(recipe(tiny_llama), tiny_table, tmp_path / "whole")
    original = continue_logits
    tried: list[int] = []

    def small_memory(
        backbone: FrozenBackbone, cache: DynamicCache, ids: torch.Tensor, mask: torch.Tensor, logits_to_keep: int
    ) -> torch.Tensor:
        tried.append(len(ids))
        if len(ids) > 4:
            raise torch.OutOfMemoryError("out of memory")
        return original(backbone, cache, ids, mask, logits_to_keep=logits_to_keep)

    monkeypatch.setattr(lamp.backbone.reading, "continue_logits", small_memory)
    parts, _ = run(recipe(tiny_llama), tiny_table, tmp_path / "parts")
    assert max(tried) > 4 >= min(tried)
    assert parts.final.scores == pytest.approx(whole.final.scores, abs=1e-5)


def too_much_on_a_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory.")


def too_much_on_a_cpu() -> None:
    torch.empty(2**50, dtype=torch.int8, device="cpu")


def too_much_on_windows() -> None:
    raise RuntimeError(
        "[enforce fail at alloc_cpu.cpp:116] data. DefaultCPUAllocator: not enough memory: you tried ..."
    )


def too_much_for_numpy() -> None:
    numpy.empty(2**50, dtype=numpy.int8)


ALLOCATIONS = [too_much_on_a_gpu, too_much_on_a_cpu, too_much_on_windows, too_much_for_numpy]


@pytest.mark.parametrize("allocate", ALLOCATIONS)
def test_every_row_is_done_once_however_small_the_parts_and_a_row_that_does_not_fit_is_one_sentence(
    allocate: Callable[[], None],
) -> None:
    done: list[int] = []

    def work(rows: Sequence[int]) -> None:
        if len(rows) > 2:
            allocate()
        done.extend(rows)

    run_split_on_oom(list(range(11)), work)
    assert done == list(range(11))
    with pytest.raises(TrainingError, match="too short to read even one row"):
        run_split_on_oom([1, 2, 3], lambda _: allocate())


@pytest.mark.parametrize("allocate", ALLOCATIONS)
def test_memory_that_ran_out_is_the_packages_own_error(allocate: Callable[[], None]) -> None:
    with pytest.raises(OutOfMemory, match="choose a smaller one"), out_of_memory():
        allocate()


def test_weights_that_cannot_be_mapped_are_too_large_and_not_broken(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    with file.open("wb") as written:
        written.truncate(2**31)
    code = (
        "import resource, sys, torch\n"
        "from lamp.backbone.out_of_memory import out_of_memory\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30))\n"
        "with out_of_memory(): torch.UntypedStorage.from_file(sys.argv[1], False, 2**31)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=False)
    assert "OutOfMemory: The memory is too short for this backbone" in done.stderr


def test_an_error_that_has_nothing_to_do_with_memory_stays_what_it_is() -> None:
    tried: list[Sequence[int]] = []

    def broken(rows: Sequence[int]) -> None:
        tried.append(rows)
        torch.ones(2, 3) @ torch.ones(2, 3)

    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        run_split_on_oom([1, 2, 3], broken)
    assert tried == [[1, 2, 3]]
    with pytest.raises(RuntimeError, match="cannot be multiplied"), out_of_memory():
        broken([1])


@pytest.mark.slow
def test_a_compiled_run_has_the_losses_of_one_that_is_not(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    plain, first = run(recipe(tiny_llama), tiny_table, tmp_path / "plain")
    fast, second = run(recipe(tiny_llama, compile=True), tiny_table, tmp_path / "compiled")
    assert second.losses == pytest.approx(first.losses, abs=1e-4)
    assert fast.final.scores == pytest.approx(plain.final.scores, abs=1e-3)
    assert "Compiling the backbone at the first step, then training" in second.phases


def test_a_backbone_that_cannot_be_compiled_here_is_one_sentence(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("no C++ compiler was found\nand much more")

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=broken))
    with pytest.raises(TrainingError, match=r"cannot be compiled on this machine \(.*\): switch Compile off") as caught:
        run(recipe(tiny_llama, compile=True), tiny_table, tmp_path)
    assert "\n" not in str(caught.value)
