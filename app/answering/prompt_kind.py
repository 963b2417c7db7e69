"""What an exported prompt answers with, read without loading it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from lamp.errors import DataError

_DESCRIPTION = "lamp_config.json"
"""As `lamp.export.saved_prompt` writes it, which cannot be imported here: it needs torch."""


@dataclass(frozen=True)
class PromptKind:
    """What can be asked of a prompt."""

    writes_texts: bool
    """Whether it answers with free text, and not with a label."""
    voters: int
    """How many prompts can pick a label together; 1 where it answers alone."""


def prompt_kind(folder: Path) -> PromptKind:
    """The kind of the prompt in a folder. Raises DataError."""
    try:
        description = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
        return PromptKind(not description["labels"], int(description.get("voters", 1)))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder.name} does not hold a whole exported prompt: {error}.") from error
