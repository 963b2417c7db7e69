"""Answers from trained prompts. The only part of the server that loads a model, and only when the first is tried."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lamp.config import DataConfig, Quantization
from lamp.data.columns import Template, check_columns
from lamp.errors import DataError, LampError, OutOfMemory

if TYPE_CHECKING:
    from lamp.backbone.frozen import FrozenBackbone
    from lamp.backbone.prefix import Prefix
    from lamp.data.encoding import Encoder
    from lamp.export.saved_prompt import SavedPrompt
    from lamp.inference.predict import Prediction

_MOST_PREFIXES = 32
"""Prompts whose keys and values are kept; each is a few megabytes for a model of seven billion parameters."""


@dataclass(frozen=True)
class Answer:
    """One input answered with and without the trained prompt."""

    text: str
    """What the model read after the virtual tokens; of an input that was cut, what was left of it."""
    tuned: str
    untrained: str
    tuned_probabilities: dict[str, float]
    """Label → probability; empty for generation."""
    untrained_probabilities: dict[str, float]
    cut_to: int | None = None
    """Tokens that the input was cut to because it is longer; None when the model read all of it."""


OnAnswers = Callable[[list[Answer]], None]
"""Called after each token of free text with all answers as far as they are written."""


@dataclass
class _Loaded:
    """The backbone in memory."""

    source: str
    quantization: Quantization
    backbone: FrozenBackbone
    prefixes: dict[tuple[Path, int] | None, Prefix] = field(default_factory=dict)
    """Prompts as the backbone has read them, by their folder and its adapter's modification time; None: no prompt."""

    def prefix(self, key: tuple[Path, int] | None = None, saved: SavedPrompt | None = None) -> Prefix:
        """The prefix of a prompt, computed once for its key; that of no prompt when none is given."""
        from lamp.backbone.prefix import inference_prefix

        if key not in self.prefixes:
            if len(self.prefixes) >= _MOST_PREFIXES:
                self.prefixes.pop(next(iter(self.prefixes)))
            self.prefixes[key] = inference_prefix(self.backbone, saved.virtual_tokens if saved else None)
        return self.prefixes[key]


class Predictor:
    """Answers with one backbone in memory at a time; calls wait for each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

    def answers(
        self,
        folder: Path,
        source: str,
        inputs: Sequence[str | Mapping[str, str]],
        on_progress: Callable[[str], None],
        on_answers: OnAnswers | None = None,
    ) -> list[Answer]:
        """Answers each input with the exported prompt in `folder` and without it, both in one batch.

        source: folder or Hub id to load its backbone from; inputs: a text, or a value for each input column;
        on_progress: called with one short sentence at each stage. Raises LampError in one sentence.
        """
        on_progress("Getting ready")
        from lamp.backbone.out_of_memory import out_of_memory
        from lamp.export.saved_prompt import ADAPTER, load_prompt

        saved = load_prompt(folder)
        rendered = [_rendered(saved.config.data, values) for values in inputs]
        with self._lock:
            try:
                with out_of_memory():
                    loaded = self._load(source, saved, on_progress)
                    tuned = loaded.prefix((folder, (folder / ADAPTER).stat().st_mtime_ns), saved)
                    untrained = loaded.prefix()
                    on_progress("Answering with the tuned prompt and without it")
                    return _answers(loaded.backbone, (tuned, untrained), saved, rendered, on_answers)
            except OutOfMemory as error:
                self._loaded = None
                raise LampError(
                    "There is not enough memory to try this prompt now: wait until the runs have ended, or stop one."
                ) from error

    def _load(self, source: str, saved: SavedPrompt, on_progress: Callable[[str], None]) -> _Loaded:
        """The backbone of a prompt, which takes the place of any other one in memory."""
        from lamp.backbone.frozen import FrozenBackbone

        quantization = saved.config.train.quantization
        if self._loaded is None or (self._loaded.source, self._loaded.quantization) != (source, quantization):
            self._loaded = None  # two backbones may not fit beside each other
            on_progress("Loading the backbone")
            backbone = FrozenBackbone.load(saved.config.backbone, source, quantization=quantization)
            self._loaded = _Loaded(source, quantization, backbone)
        return self._loaded


@dataclass(frozen=True)
class _Read:
    """An input as the model reads it."""

    text: str
    ids: tuple[int, ...]
    cut_to: int | None
    """As `Answer.cut_to`."""


def _answers(
    backbone: FrozenBackbone,
    prefixes: tuple[Prefix, Prefix],
    saved: SavedPrompt,
    rendered: Sequence[tuple[str, str]],
    on_answers: OnAnswers | None,
) -> list[Answer]:
    """Answers to all inputs behind the first prefix and behind the second.

    rendered: (text, template suffix) of each input.
    """
    from lamp.data.encoding import Encoder
    from lamp.inference.predict import predict

    encoder = Encoder(
        backbone.tokenizer, is_encoder_decoder=backbone.is_encoder_decoder, config=saved.config.data, chat=saved.chat
    )
    reads = [_read(encoder, backbone, text, suffix) for text, suffix in rendered]
    ids = [read.ids for read in reads]
    each_prefix = [prefix for prefix in prefixes for _ in ids]
    on_text = _collector(reads, on_answers) if on_answers is not None else None
    return _paired(reads, predict(backbone, each_prefix, encoder, [*ids, *ids], saved.labels, on_text))


def _read(encoder: Encoder, backbone: FrozenBackbone, text: str, template_suffix: str) -> _Read:
    """One input as the model reads it, which is less than all of it when it is too long."""
    before = encoder.truncated
    (ids,) = encoder.inputs([text], [template_suffix])
    if encoder.truncated == before:
        return _Read(text, ids, None)
    left = str(backbone.tokenizer.decode(ids, skip_special_tokens=True))
    return _Read(left, ids, encoder.config.max_input_tokens)


def _collector(reads: Sequence[_Read], on_answers: OnAnswers) -> Callable[[int, str], None]:
    """The `on_text` of `predict`: collects the growing texts and calls `on_answers` with all of them."""
    from lamp.inference.predict import Prediction

    predictions = [Prediction("", {})] * (2 * len(reads))

    def on_text(number: int, text: str) -> None:
        predictions[number] = Prediction(text, {})
        on_answers(_paired(reads, predictions))

    return on_text


def _paired(reads: Sequence[_Read], predictions: Sequence[Prediction]) -> list[Answer]:
    """One Answer for each input. predictions: for all inputs with the prompt, then for all inputs without it."""
    halves = zip(reads, predictions[: len(reads)], predictions[len(reads) :], strict=True)
    return [
        Answer(read.text, tuned.text, untrained.text, tuned.probabilities, untrained.probabilities, read.cut_to)
        for read, tuned, untrained in halves
    ]


def check_inputs(data: DataConfig, inputs: Sequence[str | Mapping[str, str]]) -> None:
    """Raises DataError for the first input that cannot be answered. data: the data section of the prompt's recipe."""
    for values in inputs:
        _rendered(data, values)


def _rendered(data: DataConfig, values: str | Mapping[str, str]) -> tuple[str, str]:
    """The text that the model reads for one input, and its template suffix. Raises DataError for a wrong input.

    data: the data section of the prompt's recipe.
    """
    columns = data.input_columns
    if isinstance(values, str):
        if len(columns) != 1:
            raise DataError(f"This prompt reads {len(columns)} columns: give a value for each of {', '.join(columns)}.")
        values = {columns[0]: values}
    problems = check_columns(data, [*values, data.target_column])
    if problems:
        raise DataError(" ".join(problems))
    template = Template.of(data)
    if not template.has_input(values):
        raise DataError("Write an input first: there is nothing to answer.")
    return template.render(values), template.suffix
