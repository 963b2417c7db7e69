"""The prompts that a serving process answers with. Imports torch: only that process uses it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from app.serving.asked import AskedPrompt
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.out_of_memory import out_of_memory
from lamp.errors import OutOfMemory
from lamp.export.saved_prompt import SavedPrompt, load_prompt
from lamp.serving.prompts import ServedPrompt, ServedPrompts

_MOST = 64
"""Prompts that are kept while the memory is enough. Each virtual token, of every prompt that votes, takes up to half a
megabyte for a model of seven billion parameters."""


class RunPrompts(ServedPrompts):
    """Prompts of one backbone, each read when it is first asked for."""

    def __init__(self, first: AskedPrompt) -> None:
        """Loads the backbone. Raises LampError."""
        self._reading = threading.Lock()
        self._kept: OrderedDict[str, ServedPrompt] = OrderedDict()
        saved = load_prompt(Path(first.folder))
        train = saved.config.train
        with out_of_memory():
            backbone = FrozenBackbone.load(
                saved.config.backbone, first.source, train.precision, quantization=train.quantization
            )
            super().__init__(backbone, {first.name: saved})

    def get(self, name: str) -> ServedPrompt | None:
        """A prompt. name: as `AskedPrompt.as_text` writes it. Raises LampError."""
        with self._reading:
            prompt = self._kept.pop(name, None)
            if prompt is None:
                prompt = self._read(AskedPrompt.of(name))
            self._kept[name] = prompt
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)
            return prompt

    def _read(self, asked: AskedPrompt) -> ServedPrompt:
        """Lets the other prompts go where the memory is too short for one more."""
        saved = load_prompt(Path(asked.folder))
        try:
            return self._ready(asked, saved)
        except OutOfMemory:
            if not self._kept:
                raise
        self._kept.clear()  # not in the block above: its error still holds what was made before it
        return self._ready(asked, saved)

    def _ready(self, asked: AskedPrompt, saved: SavedPrompt) -> ServedPrompt:
        with out_of_memory():
            return self.ready(asked.name, saved, vote=asked.vote)
