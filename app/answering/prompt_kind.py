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

    labels: tuple[str, ...]
    """The labels that it chooses from; none where it writes texts."""
    voters: int
    """How many prompts can pick a label together; 1 where it answers alone."""
    width: int
    """d: the width of its virtual tokens."""

    @property
    def writes_texts(self) -> bool:
        """Whether it answers with free text, and not with a label."""
        return not self.labels


def prompt_kind(folder: Path) -> PromptKind:
    """The kind of the prompt in a folder. Raises DataError."""
    try:
        description = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
        labels, width = tuple(description["labels"]), int(description["hidden_size"])
        return PromptKind(labels, int(description.get("voters", 1)), width)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder.name} does not hold a whole exported prompt: {error}.") from error
