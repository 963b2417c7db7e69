"""What an exported prompt answers with, read without loading it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lamp.errors import DataError

_DESCRIPTION = "lamp_config.json"
"""As `lamp.export.saved_prompt` writes it, which cannot be imported here: it needs torch."""


def writes_texts(folder: Path) -> bool:
    """Whether the prompt in a folder answers with free text, and not with a label. Raises DataError."""
    return not labels_of(folder)


def labels_of(folder: Path) -> list[str]:
    """The labels that the prompt in a folder chooses from; none where it answers with free text. Raises DataError."""
    return list(_described(folder, "labels"))


def width_of(folder: Path) -> int:
    """The width d of the virtual tokens of the prompt in a folder. Raises DataError."""
    return int(_described(folder, "hidden_size"))


def _described(folder: Path, name: str) -> Any:
    try:
        return json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))[name]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder.name} does not hold a whole exported prompt: {error}.") from error
