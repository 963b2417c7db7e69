"""Successive halving: many prompts start side by side, and the worse ones are dropped at a few steps.

Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization", AISTATS 2016.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lamp.config import TrainConfig

LEARNING_RATES = (0.01, 0.025, 0.06, 0.14, 0.32)
"""What is tried where the learning rate is found. Between two of them, accuracy is nearly level around the best."""
_FIRST_RUNG = 0.1
"""Share of a run's steps before the first rung: the warm-up, and a while at the full rate."""
_GROWTH = 1.6
"""How much later each further rung comes: the fewer prompts are left, the closer they are. Five prompts together read
1.6 times the rows of one, eight twice as many."""


@dataclass(frozen=True)
class Rung:
    """A step after which only the best prompts go on."""

    step: int
    keep: int


def rungs(candidates: int, steps: int, keep: int = 1) -> tuple[Rung, ...]:
    """When candidates are dropped, until `keep` are left: half of them at each rung, of an odd number one more.

    steps: of the whole run. A run of very few steps drops several at one step.
    """
    result: list[Rung] = []
    left = candidates
    while left > keep:
        left = max(keep, math.ceil(left / 2))
        step = round(_FIRST_RUNG * _GROWTH ** len(result) * steps)
        result.append(Rung(min(max(1, step), steps), left))
    return tuple(result)


def plan_of(settings: TrainConfig) -> tuple[int, tuple[Rung, ...]]:
    """How many prompts a run begins with, and when it drops them; at a fixed rate it begins with those that vote."""
    candidates = len(LEARNING_RATES) if settings.learning_rate == "found" else settings.voters
    return candidates, rungs(candidates, settings.steps, settings.voters)


@dataclass(frozen=True)
class Work:
    """What a run still computes, all its prompts together."""

    steps: int
    """Each step of each prompt counts."""
    scorings: int
    """Times that one prompt is scored on the held-out rows."""


def work_left(settings: TrainConfig, done: int = 0, competing: int | None = None) -> Work:
    """What is to be computed after `done` steps of a run.

    competing: how many prompts are still trained, where that is known: rates may have diverged, and the search of a run
    that is trained on is over, whatever its number of steps is now.
    """
    candidates, plan = plan_of(settings)
    if competing is None:
        candidates = min((rung.keep for rung in plan if rung.step <= done), default=candidates)
    else:
        candidates = competing
    left = {rung.step: rung.keep for rung in plan if rung.keep < candidates}  # of rungs at one step the last one counts
    steps, at, scorings, scored = 0, done, 0, done
    if passed := [keep for step, keep in left.items() if step <= done]:  # made up for at once
        scorings, candidates = candidates, passed[-1]
    for step, keep in left.items():
        if step > done:
            steps += candidates * (step - at)
            scorings += candidates + _evaluations(settings, scored, step - 1)  # in a search, of the best one alone
            candidates, at, scored = keep, step, step - 1
    return Work(
        steps + candidates * max(0, settings.steps - at),
        scorings + candidates * _evaluations(settings, scored, settings.steps),
    )


def _evaluations(settings: TrainConfig, after: int, until: int) -> int:
    """How often the held-out rows are scored after the step `after` and until the step `until`."""
    every = settings.evaluate_every
    at_the_end = after < until == settings.steps and until % every > 0
    return until // every - after // every + at_the_end
