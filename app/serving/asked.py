"""The prompt that is asked, as the studio names it to a serving process."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

Backbone = tuple[str, str, str]
"""What the prompts of one process have in common: reference, precision and quantization of their backbone."""


@dataclass(frozen=True)
class AskedPrompt:
    """An exported prompt, and how it is to answer."""

    run: str
    """Id of its run"""
    name: str
    """What programs call it"""
    folder: str
    """Of the exported prompt, which never changes: a run that is resumed exports into another one"""
    backbone: Backbone
    source: str
    """Folder or Hub id to load its backbone from"""
    vote: bool

    def as_text(self) -> str:
        """What stands for its name in a request to the process."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> AskedPrompt:
        """The prompt that `as_text` gave."""
        values = json.loads(text)
        return cls(**{**values, "backbone": tuple(values["backbone"])})
