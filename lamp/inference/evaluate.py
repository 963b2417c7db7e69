"""How good a prompt is on held-out rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from accelerate.utils import gather_object
from torch import Tensor

from lamp.backbone.devices import process_state
from lamp.backbone.forward import target_log_likelihood
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import make_prefix
from lamp.data.encoding import Encoded, Encoder
from lamp.data.splits import Example
from lamp.inference.batched import OnProgress, run_batched
from lamp.inference.generate import generate
from lamp.inference.label_scores import label_log_likelihoods
from lamp.inference.scores import Scores, classification_scores, generation_scores, perplexity

_Value = TypeVar("_Value")

_GENERATED_ROWS = 64
"""Rows that are answered in free text for the text scores: writing is far slower than scoring."""


@dataclass(frozen=True)
class HeldOut:
    """Rows to score on, encoded once."""

    examples: Sequence[Example]
    encoded: Sequence[Encoded]
    labels: tuple[str, ...]
    """The labels to choose from; empty for generation."""


def evaluate(
    backbone: FrozenBackbone,
    virtual: Tensor | None,
    encoder: Encoder,
    held_out: HeldOut,
    *,
    written: bool = False,
    on_progress: OnProgress = lambda _: None,
) -> tuple[Scores, list[str]]:
    """Scores and predictions of a prompt (l', hidden), or of the backbone alone when it is None.

    Classification picks the label of the highest length-normalised likelihood. Generation has loss and perplexity;
    with `written`, the first rows are answered as well and their text is scored. Processes that train together share
    the rows, and each gets the scores of all. on_progress may raise to end the evaluation: in all of these processes or
    in none, and all have as many batches.
    """
    if held_out.labels:
        own = _own_rows(len(held_out.encoded))
        prefixes = [make_prefix(backbone, virtual)] * len(own)
        inputs = [held_out.encoded[row].input_ids for row in own]
        found = label_log_likelihoods(backbone, prefixes, encoder, inputs, held_out.labels, on_progress=on_progress)
        scores = torch.tensor(_gathered(found.tolist(), len(held_out.encoded)))
        predictions = [held_out.labels[choice] for choice in scores.argmax(dim=1).tolist()]
        references = [example.target for example in held_out.examples]
        chosen = [held_out.labels.index(reference) for reference in references]
        loss = -scores.log_softmax(dim=1)[torch.arange(len(chosen)), chosen].mean().item()
        return {**classification_scores(references, predictions), "loss": loss}, predictions
    # Writing takes nearly all of the time: the share that is done is that of the answers.
    first = (lambda _: on_progress(0.0)) if written else on_progress
    loss = _loss(backbone, virtual, encoder, held_out.encoded, first)
    measured: Scores = {"loss": loss, "perplexity": perplexity(loss)}
    if not written:
        return measured, []
    count = min(_GENERATED_ROWS, len(held_out.encoded))
    own = _own_rows(count)
    prefixes = [make_prefix(backbone, virtual)] * len(own)
    inputs = [held_out.encoded[row].input_ids for row in own]
    predictions = _gathered(generate(backbone, prefixes, encoder, inputs, on_progress=on_progress), count)
    references = [example.target for example in held_out.examples[:count]]
    return {**measured, **generation_scores(references, predictions)}, predictions


@torch.inference_mode()
def _loss(
    backbone: FrozenBackbone,
    virtual: Tensor | None,
    encoder: Encoder,
    rows: Sequence[Encoded],
    on_progress: OnProgress,
    batch_size: int = 16,
) -> float:
    own = _own_rows(len(rows))
    losses = [0.0] * len(own)

    def read(numbers: Sequence[int]) -> None:
        batch = encoder.batch([rows[own[number]] for number in numbers], backbone.device)
        for number, likelihood in zip(numbers, target_log_likelihood(backbone, virtual, batch).tolist(), strict=True):
            losses[number] = -likelihood

    run_batched([rows[row].length for row in own], batch_size, read, on_progress)
    return sum(_gathered(losses, len(rows))) / len(rows)


def _own_rows(rows: int) -> list[int]:
    """The rows that are this process' own; all processes have equally many, so that the last may repeat the first."""
    state = process_state()
    each = -(-rows // state.num_processes)
    return [(turn * state.num_processes + state.process_index) % rows for turn in range(each)]


def _gathered(values: list[_Value], rows: int) -> list[_Value]:
    """What all processes found for their own rows, in the order of the rows."""
    world = process_state().num_processes
    if world == 1:
        return values
    found: list[_Value] = gather_object(values)  # one process after the other
    return [found[row % world * len(values) + row // world] for row in range(rows)]
