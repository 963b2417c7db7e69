"""How two prompts that are mixed score, beside each alone, on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.answering.answer import Mix, Request
from app.answering.answerer import Answerer
from lamp.inference.scores import row_scores

_A_TURN = 32
"""Rows between two signs of progress: one turn of the answering process."""


@dataclass(frozen=True)
class MixScores:
    """The score of each row with the first prompt, with the other one and with both mixed."""

    metric: str
    """"accuracy" where labels are picked; "loss", which is the lower the better, where texts are written"""
    own: tuple[float, ...]
    other: tuple[float, ...]
    mixed: tuple[float, ...]
    of_rows: int
    """How many rows the first prompt was tested on, from which these were taken at even distances"""
    learned: int | None
    """How many of these rows the other prompt has learned from; None where that is not known"""


def score_prompts(
    answerer: Answerer,
    request: Request,
    expected: Sequence[str],
    mix: Mix,
    on_progress: Callable[[float, str], None],
    *,
    labels: bool,
) -> tuple[list[float], list[float], list[float]]:
    """The score of each input of the request with its prompt, with the other one and with both mixed.

    All three read the inputs as the recipe of the request's prompt says. expected: the right answer to each input;
    labels: whether these are labels, and not texts, of which the loss is measured; on_progress: called with the share
    that is done and a short sentence. Raises LampError.
    """
    prompts = (("the mix", mix), ("this prompt", None), ("the other prompt", Mix(mix.folder, "alone")))
    scores: list[list[float]] = []
    for number, (name, changed) in enumerate(prompts):  # the mix first: it may be refused
        done: list[float] = []
        while len(done) < len(expected):
            turn = slice(len(done), len(done) + _A_TURN)
            share = (number + len(done) / len(expected)) / len(prompts)
            said = f"Scoring {name}: {len(done):,} of {len(expected):,} rows"

            def on_stage(stage: str, share: float = share, said: str = said) -> None:
                on_progress(share, said if share else stage)

            part = replace(request, inputs=request.inputs[turn], untrained=False, mix=changed)
            if not labels:
                part = replace(part, expected=tuple(expected[turn]))
            answers = answerer.answers(part, on_stage)
            if labels:
                done += row_scores(expected[turn], [answer.tuned for answer in answers], labels=True)
            else:
                done += [answer.loss for answer in answers if answer.loss is not None]
        scores.append(done)
    mixed, own, other = scores
    return own, other, mixed
