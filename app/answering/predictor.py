"""Answers from exported prompts, with one backbone in memory. Imports torch: only the answering process uses it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.answering.answer import Answer, OnAnswers, Request
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.out_of_memory import out_of_memory
from lamp.backbone.prefix import Prefix, inference_prefix
from lamp.config import Precision, Quantization
from lamp.data.columns import render
from lamp.data.conversation import readable
from lamp.data.encoding import Encoded, Encoder
from lamp.errors import DataError, OutOfMemory
from lamp.export.saved_prompt import ADAPTER, SavedPrompt, load_prompt
from lamp.inference.evaluate import row_losses
from lamp.inference.inspect_prompt import inspect_prompt
from lamp.inference.inspection import write_inspection
from lamp.inference.mixing import blend, one_after_the_other
from lamp.inference.predict import Prediction, predict, predict_by_vote
from lamp.training.factors_file import load_factors

_MOST_PREFIXES = 32
"""Prompts whose keys and values are kept; each is a few megabytes for a model of seven billion parameters."""
_NOTHING = Prediction("", {})


@dataclass
class _Loaded:
    """The backbone in memory."""

    source: str
    format: tuple[Precision, Quantization]
    """As its weights were asked for: what a prompt was trained with, so that it answers as it was tested."""
    backbone: FrozenBackbone
    prefixes: dict[tuple[str, int, int] | None, Prefix] = field(default_factory=dict)
    """Prompts as the backbone has read them, by their folder, its adapter's modification time and their place among
    those that vote; None: no prompt."""

    def prefix(self, key: tuple[str, int, int] | None = None, saved: SavedPrompt | None = None) -> Prefix:
        """The prefix of a prompt, computed once for its key; that of no prompt when none is given."""
        if key not in self.prefixes:
            if len(self.prefixes) >= _MOST_PREFIXES:
                self.prefixes.pop(next(iter(self.prefixes)))
            virtual_tokens = saved.voters[key[2]] if saved and key else None
            self.prefixes[key] = inference_prefix(self.backbone, virtual_tokens)
        return self.prefixes[key]

    def voters(self, folder: str, saved: SavedPrompt, *, all_of_them: bool) -> list[Prefix]:
        """The prefixes of the prompts of a folder that answer: of the first one, or of all."""
        changed = (Path(folder) / ADAPTER).stat().st_mtime_ns
        numbers = range(len(saved.voters) if all_of_them else 1)
        return [self.prefix((folder, changed, number), saved) for number in numbers]


class Predictor:
    """Answers requests; the backbone of the last one stays in memory."""

    def __init__(self) -> None:
        self._loaded: _Loaded | None = None

    def answers(
        self,
        request: Request,
        on_progress: Callable[[str], None] = lambda _: None,
        on_answers: OnAnswers | None = None,
    ) -> list[Answer]:
        """Answers all inputs with the prompt, and without it where that is asked for, in one batch.

        on_progress: called with one short sentence at each stage. Raises LampError in one sentence; after OutOfMemory
        no backbone is in memory.
        """
        saved = load_prompt(Path(request.folder))
        try:
            with out_of_memory():
                loaded = self._load(request.source, saved, on_progress)
                if request.inspection:
                    on_progress("Looking for the words nearest to it")
                    prompt = load_factors(Path(request.folder), saved.config.lamp)
                    write_inspection(inspect_prompt(loaded.backbone, prompt, None), Path(request.inspection))
                    return []
                if not request.inputs:
                    loaded.voters(request.folder, saved, all_of_them=request.vote)
                    return []
                changed = _changed(loaded.backbone, saved, request)
                if request.expected:
                    return _losses(loaded.backbone, changed, request)
                if request.without is None and request.mix is None:
                    voters = loaded.voters(request.folder, saved, all_of_them=request.vote)
                else:
                    virtual = changed.virtual_tokens
                    voters = [inference_prefix(loaded.backbone, virtual if len(virtual) else None)]
                both = " and without it" if request.untrained else ""
                on_progress(f"Answering with the tuned prompt{'s' * (len(voters) > 1)}{both}")
                untrained = loaded.prefix() if request.untrained else None
                return _answers(loaded.backbone, voters, untrained, saved, request, on_answers)
        except OutOfMemory:
            self._loaded = None
            raise

    def _load(self, source: str, saved: SavedPrompt, on_progress: Callable[[str], None]) -> _Loaded:
        """The backbone of a prompt, which takes the place of any other one in memory."""
        train = saved.config.train
        format = train.precision, train.quantization
        if self._loaded is None or (self._loaded.source, self._loaded.format) != (source, format):
            self._loaded = None  # two backbones may not fit beside each other
            on_progress("Loading the model")
            backbone = FrozenBackbone.load(
                saved.config.backbone, source, train.precision, quantization=train.quantization
            )
            self._loaded = _Loaded(source, format, backbone)
        return self._loaded


def _changed(backbone: FrozenBackbone, saved: SavedPrompt, request: Request) -> SavedPrompt:
    """A prompt mixed with another one, or without one of its tokens, of which then none may be left.

    Raises DataError where the mix cannot be made or is too long for the backbone.
    """
    virtual, mix = saved.virtual_tokens, request.mix
    if mix is not None:
        other = load_prompt(Path(mix.folder)).virtual_tokens
        if mix.way == "blend":
            virtual = blend(virtual, other, mix.share)
        else:
            virtual = one_after_the_other(virtual, other) if mix.way == "after" else other
        _check_positions(backbone, len(virtual), saved)
    if request.without is not None:
        virtual = virtual[[number for number in range(len(virtual)) if number != request.without]]
    return replace(saved, virtual_tokens=virtual)


def _check_positions(backbone: FrozenBackbone, tokens: int, saved: SavedPrompt) -> None:
    data, limit = saved.config.data, backbone.longest_sequence
    behind = 0 if backbone.is_encoder_decoder else data.max_target_tokens
    needed = tokens + data.max_input_tokens + behind
    if limit is not None and needed > limit:
        raise DataError(
            f"{tokens:,} virtual tokens with the longest input and answer need {needed:,} positions, and this model "
            f"has {limit:,}: choose a shorter prompt."
        )


def _losses(backbone: FrozenBackbone, saved: SavedPrompt, request: Request) -> list[Answer]:
    """The loss of the expected text behind each input."""
    encoder = _encoder(backbone, saved)
    reads = [_read(encoder, backbone, *render(saved.config.data, values)) for values in request.inputs]
    targets = encoder.targets(request.expected)
    rows = [Encoded(read.ids, target) for read, target in zip(reads, targets, strict=True)]
    virtual = saved.virtual_tokens.to(backbone.device) if len(saved.virtual_tokens) else None
    losses = row_losses(backbone, virtual, encoder, rows)
    return [Answer(read.text, "", "", {}, {}, read.cut_to, loss) for read, loss in zip(reads, losses, strict=True)]


def _encoder(backbone: FrozenBackbone, saved: SavedPrompt) -> Encoder:
    return Encoder(
        backbone.tokenizer, is_encoder_decoder=backbone.is_encoder_decoder, config=saved.config.data, chat=saved.chat
    )


@dataclass(frozen=True)
class _Read:
    """An input as the model reads it."""

    text: str
    ids: tuple[int, ...]
    cut_to: int | None
    """As `Answer.cut_to`."""


def _answers(
    backbone: FrozenBackbone,
    voters: Sequence[Prefix],
    untrained: Prefix | None,
    saved: SavedPrompt,
    request: Request,
    on_answers: OnAnswers | None,
) -> list[Answer]:
    """Answers to all inputs with the prompt, or by the vote of several, and without any where `untrained` is given."""
    encoder = _encoder(backbone, saved)
    reads = [_read(encoder, backbone, *render(saved.config.data, values)) for values in request.inputs]
    ids = [read.ids for read in reads]
    picked: list[Prediction] = []
    if len(voters) > 1 and saved.labels:
        picked, voters = predict_by_vote(backbone, voters, encoder, ids, saved.labels), []
    prefixes = [*voters[:1], *([untrained] if untrained else [])]
    each_prefix = [prefix for prefix in prefixes for _ in reads]
    on_text = _collector(reads, on_answers) if on_answers is not None else None
    others = predict(
        backbone, each_prefix, encoder, ids * len(prefixes), saved.labels, on_text, sampling=request.sampling
    )
    return _paired(reads, [*picked, *others])


def _read(encoder: Encoder, backbone: FrozenBackbone, text: str, template_suffix: str) -> _Read:
    """One input as the model reads it, which is less than all of it when it is too long."""
    before = encoder.truncated
    (ids,) = encoder.inputs([text], [template_suffix])
    if encoder.truncated == before:
        return _Read(readable(text), ids, None)
    left = str(backbone.tokenizer.decode(ids, skip_special_tokens=True))
    return _Read(left, ids, encoder.config.max_input_tokens)


def _collector(reads: Sequence[_Read], on_answers: OnAnswers) -> Callable[[int, str], None]:
    """The `on_text` of `predict`: collects the growing texts and calls `on_answers` with all of them."""
    predictions = [_NOTHING] * (2 * len(reads))

    def on_text(number: int, text: str) -> None:
        predictions[number] = Prediction(text, {})
        on_answers(_paired(reads, predictions))

    return on_text


def _paired(reads: Sequence[_Read], predictions: Sequence[Prediction]) -> list[Answer]:
    """One Answer for each input. predictions: for all inputs with the prompt, then, if at all, without it."""
    without = predictions[len(reads) :] or [_NOTHING] * len(reads)
    return [
        Answer(read.text, tuned.text, untrained.text, tuned.probabilities, untrained.probabilities, read.cut_to)
        for read, tuned, untrained in zip(reads, predictions[: len(reads)], without, strict=True)
    ]
