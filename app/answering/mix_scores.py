"""How two prompts that are mixed score, beside each alone, on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.answering.answer import Mix, Request
from app.answering.answerer import Answerer
from app.answering.scoring import in_turns
from lamp.inference.scores import row_scores


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

        def on_turn(done: int, stage: str, number: int = number, name: str = name) -> None:
            share = (number + done / len(expected)) / len(prompts)
            on_progress(share, f"Scoring {name}: {done:,} of {len(expected):,} rows" if share else stage)

        part = replace(request, untrained=False, mix=changed, expected=() if labels else tuple(expected))
        answers = in_turns(answerer, part, on_turn)
        if labels:
            scores.append(row_scores(expected, [answer.tuned for answer in answers], labels=True))
        else:
            scores.append([answer.loss for answer in answers if answer.loss is not None])
    mixed, own, other = scores
    return own, other, mixed
