"""The prompts that a serving process answers with. Imports torch: only that process uses it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from app.serving.asked import AskedPrompt
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.out_of_memory import out_of_memory
from lamp.export.saved_prompt import load_prompt
from lamp.serving.prompts import ServedPrompt, ServedPrompts

_MOST = 64
"""Prompts that are kept; each is a few megabytes for a model of seven billion parameters."""


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
                asked = AskedPrompt.of(name)
                with out_of_memory():
                    prompt = self.ready(asked.name, load_prompt(Path(asked.folder)), vote=asked.vote)
            self._kept[name] = prompt
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)
            return prompt
