"""Checkpoints that are whole or not there: staged, flushed to disk, renamed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

_KEPT = 2
"""The newest, and the one before it in case the newest turns out to be damaged."""


def save_checkpoint(folder: Path, step: int, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    """Writes one checkpoint under `folder` and drops all but the newest two.

    Raises OSError (a full disk, say) and leaves the earlier checkpoints as they were.
    """
    folder.mkdir(parents=True, exist_ok=True)
    staged = folder / f".staged-{os.getpid()}"
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir()
    try:
        save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, staged / "state.safetensors"
        )
        digest = hashlib.sha256((staged / "state.safetensors").read_bytes()).hexdigest()
        (staged / "state.json").write_text(json.dumps({**values, "step": step, "sha256": digest}))
        for path in (*staged.iterdir(), staged):
            _flush(path)
        target = folder / f"step-{step:08d}"
        shutil.rmtree(target, ignore_errors=True)
        staged.replace(target)
        _flush(folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    for old in sorted(folder.glob("step-*"))[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def newest_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Tensors and values of the newest whole checkpoint; a damaged one is passed over. None when there is none."""
    for path in sorted(folder.glob("step-*"), reverse=True):
        try:
            values = json.loads((path / "state.json").read_text())
            content = path / "state.safetensors"
            if hashlib.sha256(content.read_bytes()).hexdigest() != values["sha256"]:
                continue
            return load_file(content), values
        except (OSError, ValueError, KeyError, SafetensorError):
            continue
    return None


def _flush(path: Path) -> None:
    """Waits until a file's content, or a folder's entries, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
