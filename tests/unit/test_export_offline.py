"""Exports of a real model: SmolLM2, in transformers and in llama.cpp."""

from __future__ import annotations

import json
from pathlib import Path

import gguf
import pytest
import torch
from safetensors.torch import save_file

from lamp.backbone.frozen import FrozenBackbone
from lamp.cli import main
from lamp.export.saved_prompt import ADAPTER, RECIPE
from lamp.hub.offline import find_gguf, gguf_of
from tests.random_prompt import save_random_prompt

INSTRUCTION = "Label each text with one word, positive or negative."
TEXTS = (
    "The film was good and the acting was great .",
    "I fell asleep after ten minutes .",
    "What a wonderful , warm and funny story !",
    "The plot makes no sense and the jokes are stale .",
    "It is the best thing that I have seen this year .",
    "A dull , lifeless mess .",
    "We laughed and cried , and want to see it again .",
    "Nobody should pay for this .",
    "The music alone is worth the ticket .",
    "It drags on and on without any point .",
)


@pytest.fixture(scope="module")
def prompt(offline_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prompt that works as well as an instruction does: it is one."""
    folder = save_random_prompt(tmp_path_factory.mktemp("exports") / "prompt", offline_backbone, max_target_tokens=3)
    backbone = FrozenBackbone.load(str(offline_backbone), precision="fp32")
    ids = backbone.tokenizer(INSTRUCTION, return_tensors="pt").input_ids.to(backbone.device)
    with torch.no_grad():
        save_file({"prompt_embeddings": backbone.embed(ids)[0].float().cpu().contiguous()}, folder / ADAPTER)
    assert json.loads((folder / RECIPE).read_text())["train"]["precision"] == "fp32"
    (folder.parent / "rows.jsonl").write_text(
        "".join(
            json.dumps({"text": text, "label": ("positive", "negative")[row % 2]}) + "\n"
            for row, text in enumerate(TEXTS[:8])
        )
    )
    return folder


def export(prompt: Path, format: str, target: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, int]:
    """Exports with the command; returns how many answers are the same, and of how many."""
    rows = prompt.parent / "rows.jsonl"
    arguments = ["export", str(prompt), "--to", format, "--output", str(target), "--data", str(rows)]
    assert main(arguments) == 0, capsys.readouterr().err
    same, _, of = capsys.readouterr().out.removeprefix("Not proven: only ").split()[:3]
    return int(same), int(of)


@pytest.mark.slow
def test_the_offline_backbone_with_a_prompt_answers_in_plain_transformers(
    prompt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(prompt, "merged", tmp_path / "out", capsys) == (8, 8)
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["tie_word_embeddings"] is False and config["vocab_size"] > 49152


@pytest.mark.slow
def test_the_offline_backbone_with_a_prompt_answers_in_llama_cpp_in_its_own_quantisation(
    offline_backbone: Path, prompt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gguf_of(offline_backbone) == find_gguf()
    same, of = export(prompt, "gguf", tmp_path / "out", capsys)
    assert of == 8 and same >= 7  # two answers may be level
    kinds = [
        {tensor.name: tensor.tensor_type for tensor in gguf.GGUFReader(file).tensors}
        for file in (find_gguf(), tmp_path / "out" / "out.gguf")
    ]
    assert all(kinds[1][name] == kind for name, kind in kinds[0].items() if name != "token_embd.weight")
    assert kinds[1]["output.weight"] == kinds[0]["token_embd.weight"]
