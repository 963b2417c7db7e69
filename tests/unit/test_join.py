"""How a prompt is joined to a backbone, against stock PEFT and against itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PromptTuningConfig, TaskType, get_peft_model
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from lamp.backbone.batch import Batch
from lamp.backbone.forward import target_log_likelihood, target_logits
from lamp.backbone.frozen import FrozenBackbone
from lamp.config import DataConfig
from lamp.data.encoding import Encoder
from lamp.data.splits import Example
from tests.tiny import save_tiny

CAUSAL = ["llama", "qwen2", "qwen3", "gemma", "gemma3", "gpt2", "opt"]
ENCODER_DECODER = ["t5", "mt5", "bart"]
DATA = DataConfig(("text",), "label")


@pytest.fixture(scope="module", params=CAUSAL + ENCODER_DECODER)
def backbone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FrozenBackbone:
    folder = save_tiny(tmp_path_factory.mktemp("families") / request.param, request.param)
    return FrozenBackbone.load(str(folder), precision="fp32")


def virtual_tokens(backbone: FrozenBackbone, count: int = 6) -> torch.Tensor:
    values = torch.randn(count, backbone.hidden_size, generator=torch.Generator().manual_seed(3)) * 0.5
    return values.to(backbone.device)


def encoder(backbone: FrozenBackbone) -> Encoder:
    return Encoder(backbone.tokenizer, is_encoder_decoder=backbone.is_encoder_decoder, config=DATA)


def batch_of(backbone: FrozenBackbone, texts: list[str], targets: list[str]) -> Batch:
    made = encoder(backbone)
    examples = [Example(text, target, "") for text, target in zip(texts, targets, strict=True)]
    return made.batch(made.encode(examples), backbone.device)


TEXTS = ["the film was good", "it was a very dull and awful film . the acting was bad", "good"]
TARGETS = ["positive", "negative", "very good ending"]


def with_peft_prompt(model: Any, task: TaskType, virtual: torch.Tensor) -> Any:
    """A stock PEFT prompt tuning model whose prompt is `virtual` (l', hidden)."""
    config = PromptTuningConfig(task_type=task, num_virtual_tokens=len(virtual), num_transformer_submodules=1)
    peft: Any = get_peft_model(model, config).eval()
    with torch.no_grad():
        peft.prompt_encoder["default"].embedding.weight.copy_(virtual)
    return peft


def test_a_causal_models_logits_are_those_of_peft_prompt_tuning_with_the_same_matrix(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "llama", "llama")
    ours = FrozenBackbone.load(str(folder), precision="fp32")
    virtual, batch = virtual_tokens(ours), batch_of(ours, TEXTS[:1], TARGETS[:1])
    stock: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    stock.to(ours.device)
    peft = with_peft_prompt(stock, TaskType.CAUSAL_LM, virtual)
    ids = torch.cat([batch.input_ids, batch.target_ids[:, :-1]], dim=1)
    with torch.no_grad():
        expected = peft(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[:, -batch.target_ids.shape[1] :]
        logits = target_logits(ours, virtual, batch)
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=0)


def test_an_encoder_decoders_logits_are_those_of_peft_prompt_tuning_with_the_same_matrix(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "t5", "t5")
    ours = FrozenBackbone.load(str(folder), precision="fp32")
    virtual, batch = virtual_tokens(ours), batch_of(ours, TEXTS[:1], TARGETS[:1])
    stock: Any = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32)
    stock.to(ours.device)
    peft = with_peft_prompt(stock, TaskType.SEQ_2_SEQ_LM, virtual)
    with torch.no_grad():
        expected = peft(input_ids=batch.input_ids, attention_mask=batch.input_mask, labels=batch.target_ids).logits
        logits = target_logits(ours, virtual, batch)
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("backbone", CAUSAL, indirect=True)  # an encoder reads the prompt together with each input
def test_reading_the_prompt_once_gives_the_logits_of_a_copy_before_every_row(backbone: FrozenBackbone) -> None:
    virtual, batch = virtual_tokens(backbone), batch_of(backbone, TEXTS, TARGETS)
    ids = torch.cat([batch.input_ids, batch.target_ids[:, :-1]], dim=1)
    mask = torch.cat([batch.input_mask, batch.target_mask[:, :-1]], dim=1)
    embeddings, joined_mask = backbone.join(virtual, ids, mask)
    with torch.no_grad():
        expected = backbone.model(
            inputs_embeds=embeddings,
            attention_mask=joined_mask,
            position_ids=(joined_mask.cumsum(dim=1) - 1).clamp(min=0),
        ).logits[:, -batch.target_ids.shape[1] :]
        logits = target_logits(backbone, virtual, batch)
    is_token = batch.target_mask.bool()
    torch.testing.assert_close(logits[is_token], expected[is_token], atol=1e-4, rtol=0)


def test_padding_does_not_change_a_rows_likelihood(backbone: FrozenBackbone) -> None:
    virtual = virtual_tokens(backbone)
    with torch.no_grad():
        together = target_log_likelihood(backbone, virtual, batch_of(backbone, TEXTS, TARGETS))
        alone = [
            target_log_likelihood(backbone, virtual, batch_of(backbone, [text], [target]))
            for text, target in zip(TEXTS, TARGETS, strict=True)
        ]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-4, rtol=0)


def test_only_the_prompt_gets_gradients(backbone: FrozenBackbone) -> None:
    virtual = virtual_tokens(backbone).requires_grad_()
    (-target_log_likelihood(backbone, virtual, batch_of(backbone, TEXTS, TARGETS))).mean().backward()
    assert virtual.grad is not None
    assert virtual.grad.abs().sum(dim=1).min() > 0
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in backbone.model.parameters())
