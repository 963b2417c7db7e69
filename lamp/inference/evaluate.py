"""Scores a prompt on held-out rows."""

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
from lamp.inference.batched import OnProgress, rows_at_a_time, run_batched
from lamp.inference.confusion_matrix import ConfusionMatrix, count_confusions
from lamp.inference.generate import generate
from lamp.inference.label_scores import label_log_likelihoods, vote
from lamp.inference.scores import Scores, classification_scores, generation_scores, perplexity

_Value = TypeVar("_Value")

_LOSS_BATCH = 16
"""Rows that a CPU reads at a time to compute the loss."""


@dataclass(frozen=True)
class HeldOut:
    """Held-out rows with their encodings."""

    examples: Sequence[Example]
    encoded: Sequence[Encoded]
    labels: tuple[str, ...]
    """The labels to choose from; empty for generation."""


@dataclass(frozen=True)
class Evaluation:
    """The scores of a prompt on held-out rows, and its predictions."""

    scores: Scores
    predictions: list[str]
    """The predicted label of each held-out row; for generation the answers to the first rows, if asked for."""
    confidences: list[float]
    """The probability of each predicted label, 0 to 1; empty for generation."""
    confusion: ConfusionMatrix | None = None
    """None for generation."""


def evaluate(
    backbone: FrozenBackbone,
    virtual: Tensor | None,
    encoder: Encoder,
    held_out: HeldOut,
    *,
    written: int = 0,
    on_progress: OnProgress = lambda _: None,
) -> Evaluation:
    """Scores virtual tokens (l', hidden) on held-out rows, or the backbone alone if `virtual` is None.

    Classification picks the most probable of the labels. Generation has loss and perplexity; the first `written` rows
    are also answered, and these texts scored. Processes that train together share the rows, and each gets the scores of
    all. on_progress may raise to stop the evaluation; all processes call it equally often, and it must raise in all of
    them at the same call.
    """
    if held_out.labels:
        return _classification(backbone, virtual, encoder, held_out, on_progress)
    # Writing takes nearly all of the time, so the share that is done is that of the answers.
    on_loss_batch = (lambda _: on_progress(0.0)) if written else on_progress
    loss = _loss(backbone, virtual, encoder, held_out.encoded, on_loss_batch)
    scores: Scores = {"loss": loss, "perplexity": perplexity(loss)}
    if not written:
        return Evaluation(scores, [], [])
    answers = _answers(backbone, virtual, encoder, held_out.encoded[:written], on_progress)
    references = [example.target for example in held_out.examples[: len(answers)]]
    return Evaluation({**scores, **generation_scores(references, answers)}, answers, [])


def evaluate_vote(
    backbone: FrozenBackbone,
    voters: Sequence[Tensor],
    encoder: Encoder,
    held_out: HeldOut,
    *,
    on_progress: OnProgress = lambda _: None,
) -> tuple[Evaluation, Evaluation]:
    """Scores the labels that the first of several prompts, each (l', hidden), picks alone, and those of their vote.

    on_progress: as in `evaluate`.
    """
    likelihoods = []
    for number, voter in enumerate(voters):

        def on_share(share: float, number: int = number) -> None:
            on_progress((number + share) / len(voters))

        likelihoods.append(_label_likelihoods(backbone, voter, encoder, held_out, on_share))
    return _picked(likelihoods[0], held_out), _picked(vote(torch.stack(likelihoods)), held_out)


def _classification(
    backbone: FrozenBackbone, virtual: Tensor | None, encoder: Encoder, held_out: HeldOut, on_progress: OnProgress
) -> Evaluation:
    return _picked(_label_likelihoods(backbone, virtual, encoder, held_out, on_progress), held_out)


def _label_likelihoods(
    backbone: FrozenBackbone, virtual: Tensor | None, encoder: Encoder, held_out: HeldOut, on_progress: OnProgress
) -> Tensor:
    """Log-probability of every label behind every held-out row: (rows, labels)."""
    own = _own_rows(len(held_out.encoded))
    prefixes = [make_prefix(backbone, virtual)] * len(own)
    inputs = [held_out.encoded[row].input_ids for row in own]
    likelihoods = label_log_likelihoods(backbone, prefixes, encoder, inputs, held_out.labels, on_progress=on_progress)
    return torch.tensor(_gathered(likelihoods.tolist(), len(held_out.encoded)))


def _picked(by_label: Tensor, held_out: HeldOut) -> Evaluation:
    """Picks the most probable labels and scores them. by_label: log-probabilities (rows, labels)."""
    confidences, choices = by_label.exp().max(dim=1)
    predictions = [held_out.labels[choice] for choice in choices.tolist()]
    references = [example.target for example in held_out.examples]
    targets = [held_out.labels.index(reference) for reference in references]
    loss = -by_label.log_softmax(dim=1)[torch.arange(len(targets)), targets].mean().item()
    scores = {**classification_scores(references, predictions), "loss": loss}
    confusion = count_confusions(held_out.labels, references, predictions)
    return Evaluation(scores, predictions, confidences.tolist(), confusion)


def _answers(
    backbone: FrozenBackbone,
    virtual: Tensor | None,
    encoder: Encoder,
    rows: Sequence[Encoded],
    on_progress: OnProgress,
) -> list[str]:
    own = _own_rows(len(rows))
    prefixes = [make_prefix(backbone, virtual)] * len(own)
    inputs = [rows[row].input_ids for row in own]
    return _gathered(generate(backbone, prefixes, encoder, inputs, on_progress=on_progress), len(rows))


def _loss(
    backbone: FrozenBackbone,
    virtual: Tensor | None,
    encoder: Encoder,
    rows: Sequence[Encoded],
    on_progress: OnProgress,
) -> float:
    """Mean loss of the rows."""
    own = [rows[row] for row in _own_rows(len(rows))]
    return sum(_gathered(row_losses(backbone, virtual, encoder, own, on_progress), len(rows))) / len(rows)


@torch.inference_mode()
def row_losses(
    backbone: FrozenBackbone,
    virtual: Tensor | None,
    encoder: Encoder,
    rows: Sequence[Encoded],
    on_progress: OnProgress = lambda _: None,
) -> list[float]:
    """The loss of each row behind virtual tokens (l', hidden): the negative of `target_log_likelihood`."""
    losses = [0.0] * len(rows)

    def read(indices: Sequence[int]) -> None:
        batch = encoder.batch([rows[index] for index in indices], backbone.device)
        for index, likelihood in zip(indices, target_log_likelihood(backbone, virtual, batch).tolist(), strict=True):
            losses[index] = -likelihood

    size = rows_at_a_time(backbone.device, on_cpu=_LOSS_BATCH)
    run_batched([row.length for row in rows], size, read, on_progress)
    return losses


def _own_rows(rows: int) -> list[int]:
    """Returns the indices of the rows that this process evaluates.

    Every process gets equally many, so the last ones may repeat the first.
    """
    state = process_state()
    rows_of_each = -(-rows // state.num_processes)
    return [(turn * state.num_processes + state.process_index) % rows for turn in range(rows_of_each)]


def _gathered(values: list[_Value], rows: int) -> list[_Value]:
    """Returns the values of all processes for their own rows, in the order of the rows."""
    world = process_state().num_processes
    if world == 1:
        return values
    gathered: list[_Value] = gather_object(values)  # one process after the other
    return [gathered[row % world * len(values) + row // world] for row in range(rows)]
