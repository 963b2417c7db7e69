"""Prompts as other programs and other studios write them: folders of files, and zips, broken on purpose where asked."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from lamp.config import DataConfig, LampConfig, TuneConfig
from lamp.prompt import LampPrompt

Files = dict[str, bytes]
WIDTH = 32
"""Of the tiny backbones."""


def tokens(rows: int = 6, width: int = WIDTH) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(3))


def adapter(backbone: str, virtual: Tensor | None = None, **config: Any) -> Files:
    """What PEFT saves of a prompt; `config` replaces values of adapter_config.json."""
    virtual = tokens() if virtual is None else virtual
    values = {
        "peft_type": "PROMPT_TUNING",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": backbone,
        "num_virtual_tokens": len(virtual),
        "num_transformer_submodules": 1,
        "prompt_tuning_init": "TEXT",
        "tokenizer_name_or_path": "/etc",
        **config,
    }
    return {
        "adapter_config.json": json.dumps(values).encode(),
        "adapter_model.safetensors": save({"prompt_embeddings": virtual}),
    }


def exported(backbone: str, **data: Any) -> Files:
    """What this studio exports of a prompt of labels, without a training."""
    shape = LampConfig(prompt_length=20, rank=4, pooling=5, interactions=2)
    prompt = LampPrompt.from_matrix(tokens(20), shape)
    config = TuneConfig(backbone, DataConfig(("text",), "label", **data), shape)
    virtual = prompt().detach()
    described = {
        **{name: getattr(shape, name) for name in ("prompt_length", "rank", "pooling", "interactions")},
        "initial": "vocabulary",
        "hidden_size": WIDTH,
        "task": "classification",
        "labels": ["negative", "positive"],
        "trained_steps": 12,
        "best_step": 10,
        "voters": 1,
    }
    origin = {"made_from": {"data": {"id": "acme/films", "subset": "en", "split": "train", "revision": "a" * 40}}}
    return {
        **adapter(backbone, virtual),
        "lamp_factors.safetensors": save({name: factor.contiguous() for name, factor in prompt.factors().items()}),
        "lamp_config.json": json.dumps(described).encode(),
        "recipe.json": json.dumps(config.to_dict() | origin).encode(),
        "scores.json": json.dumps({"accuracy": 0.9, "untrained_accuracy": 0.5, "test_rows": 40.0}).encode(),
        "confusion.json": json.dumps({"labels": ["negative", "positive"], "counts": [[18, 2], [2, 18]]}).encode(),
        "README.md": b"# A prompt\n",
    }


def changed(files: Files, name: str, **values: Any) -> Files:
    """The same files with other values in a JSON file."""
    return {**files, name: json.dumps({**json.loads(files[name]), **values}).encode()}


def zipped(path: Path, files: Mapping[str, bytes], folder: str = "") -> Path:
    """A zip of the files. folder: in it that they lie in, such as "prompt/"."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(folder + name, content)
    return path


def linked(path: Path, files: Mapping[str, bytes], name: str, target: str) -> Path:
    """A zip with a symbolic link in it."""
    zipped(path, files)
    link = zipfile.ZipInfo(name)
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, target)
    return path


def bomb(path: Path, files: Mapping[str, bytes]) -> Path:
    """A zip of a megabyte whose tensors unpack to a gigabyte."""
    zipped(path, {name: content for name, content in files.items() if name != "adapter_model.safetensors"})
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("adapter_model.safetensors", "w", force_zip64=True) as member,
    ):
        for _ in range(1_000):
            member.write(bytes(1_000_000))
    return path


def encrypted(path: Path, files: Mapping[str, bytes]) -> Path:
    """A zip that says of its files that they are encrypted."""
    buffer = io.BytesIO(zipped(path, files).read_bytes())
    content = bytearray(buffer.getvalue())
    at = 0
    while (at := content.find(b"PK\x01\x02", at)) >= 0:
        content[at + 8] |= 1
        at += 4
    path.write_bytes(bytes(content))
    return path
