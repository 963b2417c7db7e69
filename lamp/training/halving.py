"""Successive halving: many prompts start side by side, and the worse ones are dropped at a few steps.

Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization", AISTATS 2016.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lamp.config import TrainConfig

LEARNING_RATES = (0.01, 0.025, 0.06, 0.14, 0.32)
"""Rates to try when the recipe leaves the learning rate to be found.

Near the best rate, accuracy hardly changes from one of these to the next.
"""
_FIRST_RUNG = 0.1
"""First rung, as a share of a run's steps: after the warm-up and some steps at the full rate."""
_GROWTH = 1.6
"""Factor between the steps of successive rungs: the fewer prompts are left, the harder they are to tell apart.

A run that starts with five prompts reads 1.6 times the rows of a run with one, a run that starts with eight twice as
many.
"""


@dataclass(frozen=True)
class Rung:
    """A step after which only the `keep` best prompts continue."""

    step: int
    keep: int


def rungs(candidates: int, steps: int, keep: int = 1) -> tuple[Rung, ...]:
    """Returns the rungs that reduce the candidates to `keep`: each keeps half of them, rounded up.

    steps: of the whole run. A run of very few steps may have several rungs at the same step.
    """
    result: list[Rung] = []
    left = candidates
    while left > keep:
        left = max(keep, math.ceil(left / 2))
        step = round(_FIRST_RUNG * _GROWTH ** len(result) * steps)
        result.append(Rung(min(max(1, step), steps), left))
    return tuple(result)


def plan_of(settings: TrainConfig) -> tuple[int, tuple[Rung, ...]]:
    """Returns how many prompts a run starts with, and its rungs; at a fixed rate it starts with those that vote."""
    candidates = len(LEARNING_RATES) if settings.learning_rate == "found" else settings.voters
    return candidates, rungs(candidates, settings.steps, settings.voters)


@dataclass(frozen=True)
class Work:
    """The computation that a run has left, summed over all its prompts."""

    steps: int
    """Number of steps; a step with three prompts counts as three."""
    scorings: int
    """Number of times that a prompt is scored on the held-out rows."""


def work_left(settings: TrainConfig, done: int = 0, competing: int | None = None) -> Work:
    """Returns the work that is left after `done` steps of a run.

    competing: number of prompts that are still trained, if known. It can be smaller than planned, because diverged
    rates are dropped; and a finished search stays finished when a run continues with another number of steps.
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
    """Returns how often the held-out rows are scored after step `after`, up to and including step `until`."""
    every = settings.evaluate_every
    at_the_end = after < until == settings.steps and until % every > 0
    return until // every - after // every + at_the_end
