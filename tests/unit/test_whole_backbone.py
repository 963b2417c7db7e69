"""What is loaded is what the files hold: no weights made up, no adapter added, no token without an embedding."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from lamp.backbone.frozen import FrozenBackbone
from lamp.config import DataConfig
from lamp.data.encoding import Encoder
from lamp.errors import BackboneError
from tests.tiny import save_tiny

Weights = dict[str, torch.Tensor]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_tiny(tmp_path / "llama", "llama")


def edit_weights(folder: Path, change: Callable[[Weights], Weights]) -> None:
    file = folder / "model.safetensors"
    save_file(change(load_file(file)), file, metadata={"format": "pt"})


def edit_json(file: Path, **values: object) -> None:
    stored = json.loads(file.read_text())
    file.write_text(json.dumps({**stored, **values}))


def refusal(folder: Path) -> str:
    with pytest.raises(BackboneError) as caught:
        FrozenBackbone.load(str(folder), precision="fp32")
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith(".")
    return sentence


def test_a_layer_that_the_files_lack_is_named(folder: Path) -> None:
    edit_weights(folder, lambda weights: {name: weights[name] for name in weights if ".layers.1." not in name})
    assert "lack 9 of the weights that its config.json names, such as model.layers.1." in refusal(folder)


def test_a_config_that_claims_more_layers_than_there_are_is_refused(folder: Path) -> None:
    edit_json(folder / "config.json", num_hidden_layers=3)
    assert "such as model.layers.2." in refusal(folder)


def test_an_output_layer_of_its_own_that_is_not_stored_is_named(folder: Path) -> None:
    edit_weights(folder, lambda weights: {name: weights[name] for name in weights if name != "lm_head.weight"})
    assert "lack 1 of the weights that its config.json names, such as lm_head.weight" in refusal(folder)
    edit_json(folder / "config.json", tie_word_embeddings=True)
    backbone = FrozenBackbone.load(str(folder), precision="fp32")
    assert torch.equal(backbone.model.lm_head.weight, backbone.embedding.weight)


def test_weights_of_another_shape_than_the_configs_are_refused(folder: Path) -> None:
    edit_json(folder / "config.json", intermediate_size=48)
    assert "cannot be loaded" in refusal(folder)


def test_an_adapter_beside_the_weights_is_not_added_to_them(folder: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder)
    get_peft_model(model, LoraConfig(r=2, init_lora_weights=False)).save_pretrained(str(folder))
    edit_json(folder / "adapter_config.json", base_model_name_or_path="someone/else")
    assert "has an adapter (adapter_config.json) beside its weights" in refusal(folder)


def test_a_tokenizer_without_an_end_token_is_refused(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.eos_token = None
    tokenizer.save_pretrained(folder)
    assert "has no end token" in refusal(folder)


def test_a_token_that_has_no_embedding_is_plain_text(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text, before = "a <image> film", len(tokenizer)
    plain = tokenizer(text).input_ids
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"], "pad_token": "<padding>"})
    tokenizer.save_pretrained(folder)
    assert AutoTokenizer.from_pretrained(folder)(text).input_ids != plain
    backbone = FrozenBackbone.load(str(folder), precision="fp32")
    assert backbone.tokenizer(text).input_ids == plain
    assert backbone.tokenizer.pad_token_id < before
    encoder = Encoder(backbone.tokenizer, is_encoder_decoder=False, config=DataConfig(("text",), "label"))
    assert encoder.inputs([text], [""]) == [tuple(plain)]


def test_a_vocabulary_that_is_larger_than_the_embedding_is_refused(folder: Path) -> None:
    rows = 250

    def cut(weights: Weights) -> Weights:
        return {name: weights[name][:rows].clone() if len(weights[name]) > rows else weights[name] for name in weights}

    edit_weights(folder, cut)
    edit_json(folder / "config.json", vocab_size=rows)
    assert "and the model has embeddings for 250 tokens" in refusal(folder)
