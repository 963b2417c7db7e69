"""Tries the alternatives one after the other, on the rows that a run's prompt was trained and tested on."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from accelerate.utils import set_seed
from torch import Tensor

from lamp.backbone.frozen import FrozenBackbone
from lamp.baselines.search import Training, train_at_found_rate
from lamp.baselines.trained import LORA_RATES, PLAIN_RATES, LoraWeights, PlainPrompt, lora, plain_prompt
from lamp.baselines.ways import LONG, NAMES, NUMBER_BYTES, WAYS, Request, WayResult
from lamp.baselines.written import count_tokens, examples_text, instruction_text, read_behind
from lamp.config import TuneConfig
from lamp.data.encoding import Encoded, Encoder
from lamp.data.splits import Splits
from lamp.data.token_cache import encode_cached
from lamp.errors import LampError
from lamp.inference.evaluate import HeldOut, evaluate
from lamp.inference.scores import row_scores
from lamp.training.load_backbone import load_backbone
from lamp.training.log_text import format_scores
from lamp.training.reporter import Reporter
from lamp.training.stopping import StopRequested
from lamp.training.train import SETTLED_WEIGHT


def try_ways(
    config: TuneConfig,
    splits: Splits,
    request: Request,
    steps: int,
    reporter: Reporter,
    keep: Callable[[WayResult], None],
    comparison: str,
    finished: Collection[str] = (),
    backbone_folder: str | Path | None = None,
    tokens: Path | None = None,
) -> bool:
    """Tries the ways of a request that are not finished, and hands over each result as soon as it is known.

    config, splits: of the run; steps: that the run took, and that each way is trained for; keep: called with each
    result; comparison: goes into the results; backbone_folder, tokens: as for `lamp.training.train.train`. A way that
    cannot be tried has a result with its problem. Returns whether all were tried, False if it was stopped. Raises
    LampError.
    """
    ways = [way for way in WAYS if way in request.ways]
    left = [way for way in ways if way not in finished]
    reporter.log(len(ways) - len(left), {})
    if not left:
        return True
    trying = _set_up(config, splits, request, steps, reporter, backbone_folder, tokens)
    try:
        for way in left:
            set_seed(config.train.seed)  # so that a way does not depend on those before it
            reporter.phase(NAMES[way])
            try:
                result = trying.result(way)
            except LampError as error:
                result = WayResult(way, problem=str(error))
                reporter.note(f"{NAMES[way]} cannot be tried: {error}")
            keep(replace(result, comparison=comparison))
            reporter.log(1 + ways.index(way), {})
    except StopRequested:
        return False
    return True


def _set_up(
    config: TuneConfig,
    splits: Splits,
    request: Request,
    steps: int,
    reporter: Reporter,
    folder: str | Path | None,
    tokens: Path | None,
) -> _Trying:
    settings = replace(config.train, steps=steps, compile=False)  # what LoRA adds would be compiled again
    config = replace(config, train=settings)
    set_seed(settings.seed)
    reporter.phase("Loading the backbone")
    backbone = load_backbone(config, folder, reporter.note)
    reporter.phase("Reading the data")
    labels = tuple(splits.labels)
    encoder = Encoder(
        backbone.tokenizer,
        is_encoder_decoder=backbone.is_encoder_decoder,
        config=config.data,
        labels=labels,
        settled_weight=SETTLED_WEIGHT,
    )
    rows = encode_cached(encoder, splits.train, tokens)
    validation = HeldOut(splits.validation, encode_cached(encoder, splits.validation, tokens), labels)
    tested = HeldOut(splits.test, encode_cached(encoder, splits.test, tokens), labels) if splits.test else validation
    return _Trying(config, splits, request, reporter, backbone, encoder, rows, validation, tested)


@dataclass(frozen=True)
class _Trying:
    """A comparison with its backbone in memory."""

    config: TuneConfig
    splits: Splits
    request: Request
    reporter: Reporter
    backbone: FrozenBackbone
    encoder: Encoder
    rows: list[Encoded]
    validation: HeldOut
    tested: HeldOut
    """The rows that the run's prompt was tested on; validation rows if it has no test rows."""

    def result(self, way: str) -> WayResult:
        """Tries one way. Raises LampError, StopRequested."""
        if way == "instruction":
            return self._written(way, instruction_text(self.request.instruction))
        if way == "examples":
            text, number = examples_text(self.backbone, self.splits.train, self.tested.encoded, self.config.train.seed)
            self.reporter.note(f"{number} examples stand before every input.")
            return self._written(way, text)
        return self._trained(way)

    def _written(self, way: str, text: str) -> WayResult:
        virtual, encoder, rows = read_behind(self.backbone, self.encoder, text, self.tested)
        self.backbone.check_length(torch.ones(1, len(virtual) + max(map(self._length, rows.encoded))))
        tokens, size = count_tokens(self.backbone, text), len(text.encode("utf-8", "surrogatepass"))
        return replace(self._scored(way, virtual, encoder, rows), tokens=tokens, bytes=size, text=text)

    def _trained(self, way: str) -> WayResult:
        config, backbone, settings = self.config, self.backbone, self.config.train
        labels, tokens = tuple(self.splits.labels), config.lamp.virtual_tokens * (LONG if way == "long_plain" else 1)
        if way == "lora":
            tokens = 0
        longest = max(map(self._length, [*self.rows, *self.validation.encoded, *self.tested.encoded]))
        backbone.check_length(torch.ones(1, tokens + longest))
        training = Training(backbone, self.encoder, self.rows, self.validation, settings, self.reporter.note)

        def made() -> PlainPrompt:
            return plain_prompt(backbone, config.lamp, tokens, labels, self.rows, settings.seed)

        rates = LORA_RATES if way == "lora" else PLAIN_RATES
        with lora(backbone) if way == "lora" else nullcontext(made()) as module:
            trained = train_at_found_rate(training, module, rates, self._check)
            result = self._scored(way, _virtual(module), self.encoder, self.tested)
            numbers = sum(parameter.numel() for parameter in module.parameters())
        return replace(
            result,
            numbers=numbers,
            tokens=tokens,
            bytes=NUMBER_BYTES * numbers,
            seconds=trained.seconds,
            steps=settings.steps,
            learning_rate=trained.learning_rate,
            rate_at_edge=trained.rate_at_edge,
        )

    def _scored(self, way: str, virtual: Tensor | None, encoder: Encoder, rows: HeldOut) -> WayResult:
        """Scores the answers to the tested rows as those of the run's own prompt were scored."""
        self.reporter.phase(f"{NAMES[way]}: scoring on {len(rows.examples)} rows")
        with torch.inference_mode():
            done = evaluate(
                self.backbone,
                virtual,
                encoder,
                rows,
                written=encoder.config.max_written_rows,
                on_progress=self._check,
            )
        self.reporter.note(f"{NAMES[way]}: {format_scores(done.scores)}")
        answered = rows.examples[: len(done.predictions)]
        scores = row_scores([row.target for row in answered], done.predictions, labels=bool(rows.labels))
        return WayResult(way, done.scores, {row.row: score for row, score in zip(answered, scores, strict=True)})

    def _length(self, row: Encoded) -> int:
        """Returns the positions of a row without what is put before it."""
        return len(row.input_ids) if self.backbone.is_encoder_decoder else row.length - 1

    def _check(self, share: float) -> None:
        """Raises StopRequested if the comparison should end. share: how much of the phase is done."""
        if self.reporter.should_stop():
            raise StopRequested
        self.reporter.part(share)


def _virtual(module: PlainPrompt | LoraWeights) -> Tensor | None:
    virtual = module()
    return None if virtual is None else virtual.detach()
