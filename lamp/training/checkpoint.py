"""Checkpoints on disk: written whole or not at all, and read with a check of their content."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from lamp.files import written_whole
from lamp.training.checkpoint_files import TENSORS, VALUES, is_whole

_MOST_CHECKPOINTS = 2
"""Checkpoints that are kept: the newest, and the one before it in case the newest turns out to be damaged."""


def save_checkpoint(folder: Path, step: int, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    """Writes one checkpoint under `folder` and removes all but the newest two.

    Raises OSError, for example when the disk is full; the earlier checkpoints then stay as they were.
    """
    for leftover in folder.glob(".step-*"):  # of a process that was killed while it wrote
        shutil.rmtree(leftover, ignore_errors=True)
    target = folder / f"step-{step:08d}"
    with written_whole(target) as staged:
        staged.mkdir()
        content = staged / TENSORS
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, content)
        digest = hashlib.sha256(content.read_bytes()).hexdigest()
        (staged / VALUES).write_text(json.dumps({**values, "step": step, "sha256": digest}))
        shutil.rmtree(target, ignore_errors=True)  # of the same step; a folder with content cannot be replaced
    for old in sorted(folder.glob("step-*"))[:-_MOST_CHECKPOINTS]:
        shutil.rmtree(old, ignore_errors=True)


def newest_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Returns tensors and values of the newest checkpoint that is not damaged, or None if there is none."""
    for path in sorted(folder.glob("step-*"), reverse=True):
        try:
            if is_whole(path):
                return load_file(path / TENSORS), json.loads((path / VALUES).read_text())
        except (OSError, ValueError, KeyError, SafetensorError):
            continue
    return None
