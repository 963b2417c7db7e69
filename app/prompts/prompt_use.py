"""PromptUse: an exported prompt as generated code refers to it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from app.answering.prompt_kind import PromptKind
from app.prompts.bundle import file_name
from lamp.config import DataConfig
from lamp.data.conversation import messages_in


@dataclass(frozen=True)
class PromptUse:
    """What generated code contains of an exported prompt."""

    run: str
    """Id of the run that trained it"""
    name: str
    """The run's name"""
    backbone: str
    data: DataConfig
    kind: PromptKind
    row: dict[str, str]
    """The row that is answered: a value for each input column"""
    address: str
    """Address of the studio"""
    needs_token: bool = False
    """Whether people sign in there, so that a program must send a token"""

    @property
    def folder(self) -> str:
        """The name of the folder of the unpacked zip."""
        return file_name(self.name)


def literal(value: object) -> str:
    """Returns the value as a Python literal with double quotation marks."""
    return json.dumps(value, ensure_ascii=False)


def messages(row: dict[str, str]) -> list[dict[str, str]]:
    """Returns a row as chat messages, as served prompts read them: several columns are one JSON object."""
    cell, *more = row.values()
    if more:
        return [{"role": "user", "content": json.dumps(row, ensure_ascii=False)}]
    turns = messages_in(cell) or [("user", cell)]
    return [{"role": role, "content": text} for role, text in turns]
