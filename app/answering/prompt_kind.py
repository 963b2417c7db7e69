"""What an exported prompt answers with, and how, read without loading it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from lamp.errors import DataError

_DESCRIPTION, _ADAPTER = "lamp_config.json", "adapter_config.json"
"""As `lamp.export.saved_prompt` writes them, which cannot be imported here: it needs torch."""


@dataclass(frozen=True)
class PromptKind:
    """An exported prompt, as its two descriptions tell."""

    labels: tuple[str, ...]
    """What it picks from; empty where it writes texts"""
    voters: int
    """How many prompts can pick a label together; 1 where it answers alone"""
    width: int
    """d: the width of its virtual tokens"""
    encoder_decoder: bool
    auto_class: str
    """The class of transformers that loads its backbone"""
    chat: tuple[str, str]
    """What stands before and after every input in the backbone's chat format; both empty for plain text"""

    @property
    def writes_texts(self) -> bool:
        """Whether it answers with free text, and not with a label."""
        return not self.labels

    @property
    def can_vote(self) -> bool:
        """Whether several prompts can pick a label together."""
        return bool(self.labels) and self.voters > 1


def prompt_kind(folder: Path) -> PromptKind:
    """The prompt in a folder. Raises DataError."""
    try:
        lamp = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
        adapter = json.loads((folder / _ADAPTER).read_text(encoding="utf-8"))
        encoder_decoder = adapter["task_type"] == "SEQ_2_SEQ_LM"
        usual = "AutoModelForSeq2SeqLM" if encoder_decoder else "AutoModelForCausalLM"
        return PromptKind(
            labels=tuple(lamp["labels"]),
            voters=int(lamp.get("voters", 1)),
            width=int(lamp["hidden_size"]),
            encoder_decoder=encoder_decoder,
            auto_class=lamp.get("auto_class", usual),  # prompts of earlier versions do not name it
            chat=(lamp.get("chat_before", ""), lamp.get("chat_after", "")),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder.name} does not hold a whole exported prompt: {error}.") from error
