"""The loaded backbone and prompts for trying things out. The only part of the server that loads a model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lamp.config import Quantization, TuneConfig
from lamp.data.columns import check_columns, render
from lamp.errors import DataError, LampError, OutOfMemory

if TYPE_CHECKING:
    from torch import Tensor

    from lamp.backbone.frozen import FrozenBackbone
    from lamp.backbone.prefix import Prefix
    from lamp.export.saved_prompt import SavedPrompt

_MOST_PREFIXES = 32
"""Prompts kept as the backbone has read them; each is a few megabytes for a model of seven billion parameters."""


@dataclass(frozen=True)
class Answer:
    """One input answered with and without the trained prompt."""

    text: str
    """What the model read after the virtual tokens"""
    tuned: str
    untrained: str
    tuned_probabilities: dict[str, float]
    """Label → probability; empty for generation"""
    untrained_probabilities: dict[str, float]


Written = Callable[[list[Answer]], None]
"""Hears of free-text answers while they are written."""


class Predictor:
    """Answers with one backbone in memory at a time; calls wait for each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: tuple[tuple[str, Quantization], FrozenBackbone] | None = None
        """Where it came from and how its weights are stored, and the backbone"""
        self._prefixes: dict[tuple[Path, int] | None, Prefix] = {}
        """Prompts that the loaded backbone has read: (folder, when it was written), and None for no prompt"""

    def answers(
        self,
        folder: Path,
        source: str,
        inputs: Sequence[str | Mapping[str, str]],
        say: Callable[[str], None],
        written: Written | None = None,
    ) -> list[Answer]:
        """Answers each input with the exported prompt in `folder` and without it, both in one batch.

        source: folder or Hub id to load its backbone from; inputs: a text, or a value for each input column.
        Raises LampError in one sentence.
        """
        say("Getting ready")
        import torch

        from lamp.data.encoding import Encoder
        from lamp.export.saved_prompt import ADAPTER, load_prompt
        from lamp.inference.predict import Prediction, predict

        saved = load_prompt(folder)
        rendered = [_rendered(saved, one) for one in inputs]

        def paired(found: Sequence[Prediction]) -> list[Answer]:
            return [
                Answer(text, with_prompt.text, without.text, with_prompt.probabilities, without.probabilities)
                for (text, _), with_prompt, without in zip(
                    rendered, found[: len(rendered)], found[len(rendered) :], strict=True
                )
            ]

        growing = [Prediction("", {})] * (2 * len(rendered))

        def grow(number: int, text: str) -> None:
            growing[number] = Prediction(text, {})
            if written is not None:
                written(paired(growing))

        heard = grow if written is not None else None

        with self._lock:
            try:
                backbone = self._backbone(source, saved.config, say)
                encoder = Encoder(
                    backbone.tokenizer, is_encoder_decoder=backbone.is_encoder_decoder, config=saved.config.data
                )
                ids = encoder.inputs([text for text, _ in rendered], [suffix for _, suffix in rendered])
                tuned = self._prefix((folder, (folder / ADAPTER).stat().st_mtime_ns), saved.virtual_tokens)
                prefixes = [tuned] * len(ids) + [self._prefix(None, None)] * len(ids)
                say("Answering with the tuned prompt and without it")
                return paired(predict(backbone, prefixes, encoder, [*ids, *ids], saved.labels, heard))
            except (torch.OutOfMemoryError, OutOfMemory) as error:
                self._forget()
                raise LampError(
                    "There is not enough memory to try this prompt now: wait until the runs have ended, or stop one."
                ) from error

    def _forget(self) -> None:
        self._loaded = None
        self._prefixes.clear()

    def _prefix(self, key: tuple[Path, int] | None, virtual: Tensor | None) -> Prefix:
        """A prompt as the loaded backbone has read it, once."""
        import torch

        from lamp.backbone.prefix import make_prefix

        if self._loaded is None:
            raise RuntimeError("A prompt is read by a loaded backbone.")
        backbone = self._loaded[1]
        if key not in self._prefixes:
            if len(self._prefixes) >= _MOST_PREFIXES:
                self._prefixes.pop(next(iter(self._prefixes)))
            with torch.inference_mode():
                self._prefixes[key] = make_prefix(backbone, None if virtual is None else virtual.to(backbone.device))
        return self._prefixes[key]

    def _backbone(self, source: str, config: TuneConfig, say: Callable[[str], None]) -> FrozenBackbone:
        from lamp.backbone.frozen import FrozenBackbone

        wanted = (source, config.train.quantization)
        if self._loaded is None or self._loaded[0] != wanted:
            self._forget()  # two backbones may not fit beside each other
            say("Loading the backbone")
            self._loaded = (wanted, FrozenBackbone.load(config.backbone, source, quantization=wanted[1]))
        return self._loaded[1]


def _rendered(saved: SavedPrompt, given: str | Mapping[str, str]) -> tuple[str, str]:
    columns = saved.config.data.input_columns
    if isinstance(given, str):
        if len(columns) != 1:
            raise DataError(f"This prompt reads {len(columns)} columns: give a value for each of {', '.join(columns)}.")
        given = {columns[0]: given}
    problems = check_columns(saved.config.data, [*given, saved.config.data.target_column])
    if problems:
        raise DataError(" ".join(problems))
    if not any(given[column].strip() for column in columns):
        raise DataError("Write an input first: there is nothing to answer.")
    return render(saved.config.data, given)
