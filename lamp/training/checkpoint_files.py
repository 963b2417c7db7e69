"""Which checkpoints in a folder are whole; torch is not imported, so that they can be copied without it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

VALUES = "state.json"
TENSORS = "state.safetensors"


def is_whole(checkpoint: Path) -> bool:
    """Whether nothing of a checkpoint is missing or damaged."""
    try:
        values = json.loads((checkpoint / VALUES).read_text())
        return bool(hashlib.sha256((checkpoint / TENSORS).read_bytes()).hexdigest() == values["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def whole_checkpoints(folder: Path) -> list[Path]:
    """The whole ones, oldest first."""
    return [path for path in sorted(folder.glob("step-*")) if is_whole(path)]
