"""What the catalog says of backbones in folders: of those that can be tuned, and of everything else one can pick."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from lamp.config import DataConfig, TuneConfig
from lamp.errors import BackboneError
from lamp.hub import catalog
from lamp.hub.catalog import BackboneInfo, inspect
from lamp.hub.model_shape import ModelShape
from lamp.hub.recipe_fit import misfits
from lamp.hub.safetensors_header import Tensors, stored_tensors
from lamp.model_files.positions import longest_sequence, longest_target
from tests.tiny import save_tiny

LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 8, "tie_word_embeddings": True}
WEIGHTS = {"model.embed_tokens.weight": (10, 8), "model.norm.weight": (8,)}


def backbone(folder: Path, config: dict[str, Any] = LLAMA, weights: dict[str, tuple[int, ...]] = WEIGHTS) -> str:
    """A folder with this config and zeros of these shapes; returns its path."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text("{}")
    save_file({name: np.zeros(shape, np.float32) for name, shape in weights.items()}, folder / "model.safetensors")
    return str(folder)


def refusal(reference: str) -> str:
    with pytest.raises(BackboneError) as caught:
        inspect(reference)
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith((".", '"].')) and len(sentence) < 400
    return sentence


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3", "gpt2", "opt", "t5", "bart"])
def test_a_saved_model_is_described_as_transformers_loads_it(family: str, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    folder = save_tiny(tmp_path / "named-like-nothing", family)
    info = inspect(str(folder))
    loader = AutoModelForSeq2SeqLM if info.architecture == "encoder-decoder" else AutoModelForCausalLM
    model: Any = loader.from_pretrained(folder)
    assert (info.architecture == "encoder-decoder") == model.config.is_encoder_decoder
    assert info.parameters == model.num_parameters()
    assert info.hidden_size == model.get_input_embeddings().weight.shape[1]
    assert info.source == str(folder)


def test_a_folder_is_read_again_when_one_of_its_files_has_changed_and_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers: list[str] = []

    def read(reference: str, path: Path) -> Tensors:
        headers.append(path.name)
        return stored_tensors(reference, path)

    monkeypatch.setattr(catalog, "stored_tensors", read)
    reference = backbone(tmp_path / "model")
    assert inspect(reference) == inspect(reference)
    assert headers == ["model.safetensors"]
    backbone(tmp_path / "model", {**LLAMA, "hidden_size": 16}, {**WEIGHTS, "model.more.weight": (3,)})
    assert (inspect(reference).hidden_size, inspect(reference).parameters) == (16, 91)
    assert headers == ["model.safetensors"] * 2
    (tmp_path / "model/tokenizer.json").unlink()
    assert "has no tokenizer" in refusal(reference)


def test_the_width_is_that_of_the_embeddings_where_the_layers_are_wider(tmp_path: Path) -> None:
    config = {"architectures": ["OPTForCausalLM"], "model_type": "opt", "hidden_size": 16, "word_embed_proj_dim": 8}
    assert inspect(backbone(tmp_path / "opt", config)).hidden_size == 8


def test_shards_are_added_up(tmp_path: Path) -> None:
    reference = backbone(tmp_path / "sharded")
    (tmp_path / "sharded/model.safetensors").rename(tmp_path / "sharded/model-00001-of-00002.safetensors")
    save_file({"model.layers.0.w": np.zeros((4, 4), np.float16)}, tmp_path / "sharded/model-00002-of-00002.safetensors")
    (tmp_path / "sharded/model.safetensors.index.json").write_text(
        json.dumps(
            {
                "weight_map": {
                    "model.embed_tokens.weight": "model-00001-of-00002.safetensors",
                    "model.norm.weight": "model-00001-of-00002.safetensors",
                    "model.layers.0.w": "model-00002-of-00002.safetensors",
                }
            }
        )
    )
    assert inspect(reference).parameters == 80 + 8 + 16
    (tmp_path / "sharded/model-00002-of-00002.safetensors").unlink()
    assert "model-00002-of-00002.safetensors is missing" in refusal(reference)


def test_tied_matrices_and_stored_masks_are_not_counted_as_parameters(tmp_path: Path) -> None:
    weights = {**WEIGHTS, "lm_head.weight": (10, 8), "h.0.attn.bias": (1, 1, 32, 32)}
    assert inspect(backbone(tmp_path / "tied", LLAMA, weights)).parameters == 88
    assert inspect(backbone(tmp_path / "untied", {**LLAMA, "tie_word_embeddings": False}, weights)).parameters == 168


def test_weights_are_counted_without_being_read(tmp_path: Path) -> None:
    reference = backbone(tmp_path / "sparse")
    header = json.dumps({"w": {"dtype": "BF16", "shape": [2**20, 2**15], "data_offsets": [0, 2**36]}}).encode()
    with (tmp_path / "sparse/model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + 2**36)  # 64 GB on paper, nothing on disk
    assert inspect(reference).parameters == 2**35


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architectures": ["BertForMaskedLM"], "model_type": "bert"}, "BertForMaskedLM, which cannot write text"),
        ({"architectures": ["LlamaForSequenceClassification"]}, "cannot write text"),
        ({"architectures": ["MistralModel"]}, "cannot write text"),
        ({"architectures": ["T5EncoderModel"], "is_encoder_decoder": True}, "cannot write text"),
        ({"architectures": ["ViTForImageClassification"], "model_type": "vit"}, "cannot write text"),
        (
            {"architectures": ["WhisperForConditionalGeneration"], "is_encoder_decoder": True, "num_mel_bins": 80},
            "cannot be used for text alone",
        ),
        (
            {"architectures": ["Blip2ForConditionalGeneration"], "model_type": "blip-2", "vision_config": {}},
            "cannot be used for text alone",
        ),
        (
            {
                "architectures": ["DiffusionGemmaForBlockDiffusion"],
                "model_type": "diffusion_gemma",
                "vision_config": {},
            },
            "cannot be used for text alone",
        ),
        (
            {"architectures": ["MllamaForConditionalGeneration"], "model_type": "mllama", "vision_config": {}},
            "that PEFT does not find",
        ),
        (
            {
                "architectures": ["Gemma3nForConditionalGeneration"],
                "model_type": "gemma3n",
                "text_config": {"hidden_size_per_layer_input": 256},
            },
            "looks up every token again",
        ),
        ({"architectures": ["DeepseekV4ForCausalLM"], "model_type": "deepseek_v4"}, "padding would change them"),
        ({"architectures": ["XLNetLMHeadModel"], "model_type": "xlnet"}, "together with those that follow"),
        (
            {"architectures": ["OddForCausalLM"], "model_type": "odd", "auto_map": {"AutoModel": "odd.Odd"}},
            "needs code from its own repository",
        ),
        ({"architectures": ["Llama9ForCausalLM"], "model_type": "llama9"}, "of the type 'llama9', which the installed"),
        ({"architectures": None}, "does not say what it is"),
    ],
)
def test_a_model_that_a_prompt_cannot_be_tuned_for_is_refused(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    assert words in refusal(backbone(tmp_path / "model", {**LLAMA, **change}))


def test_the_width_is_read_off_the_embeddings_where_the_config_does_not_give_it(tmp_path: Path) -> None:
    config = {**LLAMA, "hidden_size": None}
    info = inspect(backbone(tmp_path / "model", config))
    assert (info.hidden_size, info.shape.vocabulary) == (8, 10)
    assert "does not give its hidden size" in refusal(backbone(tmp_path / "other", config, {"model.norm.weight": (8,)}))


@pytest.mark.parametrize("key", ["embedding_size", "input_embedding_size", "word_embed_proj_dim"])
def test_the_width_is_that_of_the_embeddings_where_the_layers_have_another(tmp_path: Path, key: str) -> None:
    assert inspect(backbone(tmp_path / "model", {**LLAMA, "hidden_size": 32, key: 8})).hidden_size == 8


def test_types_that_share_a_folder_of_transformers_with_others_are_known(tmp_path: Path) -> None:
    config = {**LLAMA, "architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text"}
    assert inspect(backbone(tmp_path / "model", config)).architecture == "causal"


def test_weights_that_lack_a_layer_of_the_config_are_refused_before_they_are_loaded(tmp_path: Path) -> None:
    layers = {f"model.layers.{index}.mlp.up_proj.weight": (8, 8) for index in (0, 2)}
    reference = backbone(tmp_path / "model", {**LLAMA, "num_hidden_layers": 3}, {**WEIGHTS, **layers})
    assert "counts 3 layers, and the weights lack 1 of them, such as model.layers.1:" in refusal(reference)
    backbone(tmp_path / "whole", {**LLAMA, "num_hidden_layers": 1}, {**WEIGHTS, **layers})
    assert inspect(str(tmp_path / "whole")).parameters == 216


def test_layers_that_are_used_several_times_count_once(tmp_path: Path) -> None:
    layers = {f"model.H_module.layers.{index}.up_proj.weight": (8, 8) for index in range(2)}
    config = {**LLAMA, "num_hidden_layers": 16, "num_layers_per_stack": 2}
    inspect(backbone(tmp_path / "model", config, {**WEIGHTS, **layers}))


def test_a_config_that_counts_any_number_of_layers_costs_nothing(tmp_path: Path) -> None:
    layers = {"model.layers.0.mlp.up_proj.weight": (8, 8)}
    reference = backbone(tmp_path / "model", {**LLAMA, "num_hidden_layers": 10**15}, {**WEIGHTS, **layers})
    assert "the weights lack 999999999999999 of them, such as model.layers.1:" in refusal(reference)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_json_that_is_nested_too_deeply_is_one_sentence_or_left_for_the_loading(tmp_path: Path, name: str) -> None:
    reference = backbone(tmp_path / "model")
    (tmp_path / "model" / name).write_text("[" * 200_000 + "]" * 200_000)
    if name == "config.json":
        assert "is not valid JSON: get it again" in refusal(reference)
    else:
        assert inspect(reference).hidden_size == 8


def test_an_adapter_beside_the_weights_is_refused(tmp_path: Path) -> None:
    reference = backbone(tmp_path / "model")
    (tmp_path / "model/adapter_config.json").write_text("{}")
    assert "has an adapter (adapter_config.json) beside its weights" in refusal(reference)


@pytest.mark.parametrize(
    ("tokenizer", "settings", "words"),
    [
        ({}, {"tokenizer_class": "PreTrainedTokenizerFast"}, "has no end token"),
        ({}, {"tokenizer_class": "TokenizersBackend", "eos_token": "</s>"}, ""),
        ({}, {"tokenizer_class": "T5Tokenizer"}, ""),
        ({"model": {"vocab": {"a": 0, "b": 10}}}, {"eos_token": "b"}, "tokens up to the id 10"),
        ({"model": {"vocab": [["a", 0.0]] * 11}}, {"eos_token": "a"}, "tokens up to the id 10"),
        ({"model": {"vocab": {"a": 9}}}, {"eos_token": "a"}, ""),
        ({"added_tokens": [{"id": 10, "content": "</s>"}]}, {"eos_token": {"content": "</s>"}}, "up to the id 10"),
        ({"added_tokens": [{"id": 10, "content": "<image>"}]}, {"eos_token": "</s>"}, ""),
    ],
)
def test_a_tokenizer_must_end_answers_and_have_an_embedding_for_each_token_of_text(
    tokenizer: dict[str, Any], settings: dict[str, Any], words: str, tmp_path: Path
) -> None:
    reference = backbone(tmp_path / "model", {**LLAMA, "vocab_size": 10})
    (tmp_path / "model/tokenizer.json").write_text(json.dumps(tokenizer))
    (tmp_path / "model/tokenizer_config.json").write_text(json.dumps(settings))
    if words:
        assert words in refusal(reference)
    else:
        assert inspect(reference).hidden_size == 8


LONGROPE = {"type": "longrope", "short_factor": [1.0], "long_factor": [2.0]}


@pytest.mark.parametrize(
    ("config", "limit"),
    [
        ({}, None),
        ({"max_position_embeddings": 2048}, 2048),
        ({"n_positions": 1024}, 1024),
        ({"max_position_embeddings": 4096, "index_topk": 2048}, 2048),
        ({"is_encoder_decoder": True, "n_positions": 512}, None),
        ({"is_encoder_decoder": True, "attention_type": "block_sparse", "block_size": 16}, 176),
        ({"is_encoder_decoder": True, "max_position_embeddings": 1024}, 1024),
        ({"max_position_embeddings": 131072, "original_max_position_embeddings": 4096, "rope_scaling": LONGROPE}, 4096),
        ({"rope_parameters": {"full": {**LONGROPE, "original_max_position_embeddings": 64}}}, 64),
        ({"max_position_embeddings": 32, "rope_parameters": {"rope_type": "dynamic", "factor": 2.0}}, 32),
        ({"rope_scaling": {"rope_type": "yarn", "original_max_position_embeddings": 64}}, None),
        ({"max_position_embeddings": -1}, None),
    ],
)
def test_the_longest_sequence_ends_where_positions_or_the_first_rotary_factors_do(
    config: dict[str, Any], limit: int | None
) -> None:
    assert longest_sequence(config) == limit


def test_a_decoder_has_positions_of_its_own() -> None:
    assert longest_target({"max_decoder_position_embeddings": 1024, "max_position_embeddings": 16384}) == 1024
    assert longest_target({"max_position_embeddings": 512, "max_encoder_position_embeddings": 16384}) == 512
    assert longest_target({"n_positions": 512}) is None


@pytest.mark.parametrize(
    ("architecture", "limit", "words"),
    [
        ("causal", 340, ""),
        ("causal", None, ""),
        (
            "causal",
            339,
            "for 20 virtual tokens and the longest target (64 tokens) with the longest input",
        ),
        ("causal", 339, "set the longest input to 255 tokens or less."),
        ("causal", 80, "shorten the prompt or the target."),
        ("encoder-decoder", 276, ""),
        ("encoder-decoder", 275, "too few for 20 virtual tokens with the longest input (256 tokens): set the longest"),
        (
            "encoder-decoder",
            60,
            "(64 tokens) is longer than the backbone's 60 positions: set it to 60 or less",
        ),
    ],
)
def test_prompt_input_and_target_must_have_room_in_the_backbones_positions(
    architecture: Any, limit: int | None, words: str
) -> None:
    decoder = limit if architecture == "encoder-decoder" else None
    info = BackboneInfo(
        "a/model",
        architecture,
        576,
        10**8,
        limit,
        decoder,
        shape=ModelShape(12, 0, 576, 1536, 9, 49_152),
        model_type="llama",
        stored_bytes=2 * 10**8,
    )
    problems = misfits(info, TuneConfig("a/model", DataConfig(("text",), "label")))
    assert any(words in problem for problem in problems) if words else not problems


def test_code_in_the_repository_is_no_matter_when_transformers_has_its_own(tmp_path: Path) -> None:
    config = {**LLAMA, "auto_map": {"AutoModelForCausalLM": "modeling.Old"}}
    assert inspect(backbone(tmp_path / "model", config)).architecture == "causal"


@pytest.mark.parametrize(
    "reference",
    [
        "/no/such/folder",
        "./nothing",
        "~/no-such-folder-here",
        "a/b/c",
        "a b/c",
        "owner/two--dashes",
        "../up",
        "owner/name.git",
        "x" * 200,
        "C:\\models\\x",
    ],
)
def test_what_is_neither_a_folder_nor_a_hub_id_is_said_to_be_neither(reference: str) -> None:
    assert "neither a folder on this machine nor a Hub id" in refusal(reference)


@pytest.mark.parametrize("reference", ["", "   "])
def test_nothing_picked_asks_for_a_choice(reference: str) -> None:
    assert "Choose a backbone" in refusal(reference)


def test_a_folder_without_a_config_is_named(tmp_path: Path) -> None:
    assert "holds no config.json" in refusal(str(tmp_path))


def test_a_folder_with_pickled_weights_is_refused_and_says_why(tmp_path: Path) -> None:
    reference = backbone(tmp_path / "old")
    (tmp_path / "old/model.safetensors").rename(tmp_path / "old/pytorch_model.bin")
    assert "pickle files, which can run code" in refusal(reference)
    (tmp_path / "old/pytorch_model.bin").unlink()
    assert "holds no model.safetensors" in refusal(reference)


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    reference = backbone(tmp_path / "mute")
    (tmp_path / "mute/tokenizer.json").unlink()
    assert "has no tokenizer" in refusal(reference)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        b"\xff" * 64,
        (30).to_bytes(8, "little") + b"{" * 30,
        (2).to_bytes(8, "little") + b"[]",
        (17).to_bytes(8, "little") + b'{"w": {"dtype":1}}',
    ],
)
def test_a_file_that_is_not_safetensors_is_named(content: bytes, tmp_path: Path) -> None:
    reference = backbone(tmp_path / "broken")
    (tmp_path / "broken/model.safetensors").write_bytes(content)
    assert "not a whole safetensors file" in refusal(reference)


def test_a_download_that_was_cut_short_is_noticed(tmp_path: Path) -> None:
    reference = backbone(tmp_path / "cut")
    whole = (tmp_path / "cut/model.safetensors").read_bytes()
    (tmp_path / "cut/model.safetensors").write_bytes(whole[:-4])
    assert "not a whole safetensors file" in refusal(reference)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00"])
def test_a_config_that_is_not_json_is_named(text: str, tmp_path: Path) -> None:
    reference = backbone(tmp_path / "odd")
    (tmp_path / "odd/config.json").write_text(text)
    assert refusal(reference).startswith("config.json of the backbone")


def test_a_folder_is_inspected_without_loading_torch_or_the_hub_client(tmp_path: Path) -> None:
    code = (
        "import sys; from lamp.hub.catalog import inspect; inspect(sys.argv[1]);"
        "print(sorted({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, backbone(tmp_path / "model")],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    assert done.stdout.strip() == "[]"
