"""A sweep: prompts of several recipes, trained side by side on one backbone and one data set."""

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
    """Trains a prompt for each recipe side by side, and returns their results in the order of the recipes.

    Recipes may differ in their learning rate, a number, their seed and their `lamp` section. plan: when the worse
    prompts are dropped; empty to train all of them to the end. For the rest see `lamp.training.train.train`. Raises
    LampError in one sentence.
    """
    check_sweep(recipes)
    end = train_side_by_side(recipes, plan, splits, reporter, places)
    return [end.result(candidate) for candidate in end.run.candidates]


@dataclass(frozen=True)
class Tried:
    """How one recipe of a sweep did."""

    recipe: TuneConfig
    steps: int
    """Steps that it was trained for."""
    scores: Scores
    """Of its best prompt on the validation rows; of a recipe that was dropped, the loss at its last comparison."""


@dataclass(frozen=True)
class BestOfSweep:
    """The result of a sweep's best recipe, and how all of them did."""

    recipe: TuneConfig
    result: TrainResult
    tried: tuple[Tried, ...]
    """In the order of the recipes."""


def best_of_sweep(
    recipes: Sequence[TuneConfig],
    plan: Sequence[Rung],
    splits: Splits,
    reporter: Reporter,
    places: Places,
) -> BestOfSweep:
    """Trains as `sweep` does; the validation rows choose the best recipe, and its prompt alone is tested."""
    check_sweep(recipes)
    end = train_side_by_side(recipes, plan, splits, reporter, places)
    best = end.run.winner
    return BestOfSweep(best.recipe, end.result(best), tuple(_tried(one, end.run.step) for one in end.run.candidates))


def _tried(candidate: Candidate, step: int) -> Tried:
    standing = candidate.standing
    if standing.dropped_at is None:
        return Tried(candidate.recipe, step, standing.best_scores or {})
    loss = standing.held_out_loss
    return Tried(candidate.recipe, standing.dropped_at, {} if loss is None else {"loss": loss})
