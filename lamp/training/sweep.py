"""Trains prompts of several recipes side by side, on one backbone and one data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lamp.config import TuneConfig
from lamp.data.splits import Splits
from lamp.inference.scores import Scores
from lamp.training.candidate import Candidate
from lamp.training.halving import Rung
from lamp.training.reporter import Reporter
from lamp.training.result import TrainResult
from lamp.training.sweep_recipes import check_sweep
from lamp.training.train import Places, train_side_by_side


def sweep(
    recipes: Sequence[TuneConfig], plan: Sequence[Rung], splits: Splits, reporter: Reporter, places: Places
) -> list[TrainResult]:
    """Trains a prompt for each recipe side by side; returns their results in the order of the recipes.

    Recipes may differ in their (numeric) learning rate, their seed and their `lamp` section. plan: when the worse
    prompts are dropped; empty to train all of them to the end. For the rest see `lamp.training.train.train`. Raises
    LampError in one sentence.
    """
    check_sweep(recipes)
    end = train_side_by_side(recipes, plan, splits, reporter, places)
    return [end.result(candidate) for candidate in end.run.candidates.all]


@dataclass(frozen=True)
class Tried:
    """The outcome of one recipe of a sweep."""

    recipe: TuneConfig
    steps: int
    """Number of steps that it was trained for."""
    scores: Scores
    """Validation scores of its best prompt; for a recipe that was dropped, its loss at the last comparison."""


@dataclass(frozen=True)
class BestOfSweep:
    """The result of a sweep's best recipe, and the outcome of all recipes."""

    recipe: TuneConfig
    result: TrainResult
    tried: tuple[Tried, ...]
    """One for each recipe, in their order."""


def best_of_sweep(
    recipes: Sequence[TuneConfig],
    plan: Sequence[Rung],
    splits: Splits,
    reporter: Reporter,
    places: Places,
) -> BestOfSweep:
    """Trains like `sweep`, chooses the best recipe by the validation rows, and tests only its prompt."""
    check_sweep(recipes)
    end = train_side_by_side(recipes, plan, splits, reporter, places)
    best = end.run.candidates.winner
    return BestOfSweep(
        best.recipe, end.result(best), tuple(_tried(one, end.run.step) for one in end.run.candidates.all)
    )


def _tried(candidate: Candidate, step: int) -> Tried:
    standing = candidate.standing
    if standing.dropped_at is None:
        return Tried(candidate.recipe, step, standing.best_scores or {})
    loss = standing.held_out_loss
    return Tried(candidate.recipe, standing.dropped_at, {} if loss is None else {"loss": loss})
