"""Finds the undamaged checkpoints in a folder. Does not import torch, so that processes without it can copy them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

VALUES = "state.json"
TENSORS = "state.safetensors"


def is_whole(checkpoint: Path) -> bool:
    """Returns whether a checkpoint is complete and undamaged."""
    try:
        values = json.loads((checkpoint / VALUES).read_text())
        return bool(hashlib.sha256((checkpoint / TENSORS).read_bytes()).hexdigest() == values["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def whole_checkpoints(folder: Path) -> list[Path]:
    """Returns the folders of the undamaged checkpoints, oldest first."""
    return [path for path in sorted(folder.glob("step-*")) if is_whole(path)]
