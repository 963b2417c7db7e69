"""How good a prompt is on held-out rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lamp.backbone import FrozenBackbone
from lamp.batching import batches_by_length
from lamp.data import Example
from lamp.encoding import Encoded, Encoder
from lamp.forward import target_log_likelihood
from lamp.generate import generate
from lamp.label_scores import label_log_likelihoods
from lamp.metrics import Scores, classification_scores, generation_scores, perplexity
from lamp.prefix import make_prefix

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
    each_batch: Callable[[], None] = lambda: None,
) -> tuple[Scores, list[str]]:
    """Scores and predictions of a prompt (l', hidden), or of the backbone alone when it is None.

    Classification picks the label of the highest length-normalised likelihood. Generation has loss and perplexity;
    with `written`, the first rows are answered as well and their text is scored. each_batch is called before every
    batch and may raise to end the evaluation.
    """
    if held_out.labels:
        inputs = [row.input_ids for row in held_out.encoded]
        prefixes = [make_prefix(backbone, virtual)] * len(inputs)
        scores = label_log_likelihoods(
            backbone, prefixes, encoder, inputs, held_out.labels, each_batch=each_batch
        )
        predictions = [held_out.labels[choice] for choice in scores.argmax(dim=1).tolist()]
        references = [example.target for example in held_out.examples]
        chosen = [held_out.labels.index(reference) for reference in references]
        loss = -scores.log_softmax(dim=1)[torch.arange(len(chosen)), chosen].mean().item()
        return {**classification_scores(references, predictions), "loss": loss}, predictions
    loss = _loss(backbone, virtual, encoder, held_out.encoded, each_batch)
    found: Scores = {"loss": loss, "perplexity": perplexity(loss)}
    if not written:
        return found, []
    rows = held_out.encoded[:_GENERATED_ROWS]
    prefixes = [make_prefix(backbone, virtual)] * len(rows)
    predictions = generate(backbone, prefixes, encoder, [row.input_ids for row in rows], each_batch=each_batch)
    references = [example.target for example in held_out.examples[: len(rows)]]
    return {**found, **generation_scores(references, predictions)}, predictions


@torch.inference_mode()
def _loss(
    backbone: FrozenBackbone, virtual: Tensor | None, encoder: Encoder, rows: Sequence[Encoded],
    each_batch: Callable[[], None], batch_size: int = 16,
) -> float:
    total = 0.0
    for numbers in batches_by_length([row.length for row in rows], batch_size):
        each_batch()
        batch = encoder.batch([rows[number] for number in numbers], backbone.device)
        total -= target_log_likelihood(backbone, virtual, batch).sum().item()
    return total / len(rows)
