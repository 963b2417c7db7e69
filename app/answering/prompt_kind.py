"""What an exported prompt answers with, read without loading it."""

from __future__ import annotations

import json
from pathlib import Path

from lamp.errors import DataError

_DESCRIPTION = "lamp_config.json"
"""As `lamp.export.saved_prompt` writes it, which cannot be imported here: it needs torch."""


def writes_texts(folder: Path) -> bool:
    """Whether the prompt in a folder answers with free text, and not with a label. Raises DataError."""
    try:
        return not json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))["labels"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder.name} does not hold a whole exported prompt: {error}.") from error
