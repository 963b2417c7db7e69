"""A sweep: prompts of several recipes, trained side by side on one backbone and one data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lamp.config import TuneConfig
from lamp.data.splits import Splits
from lamp.training.halving import Rung
from lamp.training.reporter import Reporter
from lamp.training.result import TrainResult
from lamp.training.sweep_recipes import check_sweep
from lamp.training.train import Places, train_side_by_side


def sweep(
    recipes: Sequence[TuneConfig],
    plan: Sequence[Rung],
    splits: Splits,
    reporter: Reporter,
    checkpoints: Path,
    backbone_folder: str | Path | None = None,
    trained_prompts: Mapping[str, Path] | None = None,
    tokens: Path | None = None,
) -> list[TrainResult]:
    """Trains a prompt for each recipe side by side, and returns their results in the order of the recipes.

    Recipes may differ in their learning rate, a number, their seed and their `lamp` section. plan: when the worse
    prompts are dropped; empty to train all of them to the end; trained_prompts: folders of exported prompts to start
    from, by the names that recipes have for them. For the rest see `train`. Raises LampError in one sentence.
    """
    check_sweep(recipes)
    places = Places(checkpoints, backbone_folder, trained_prompts or {}, tokens)
    end = train_side_by_side(recipes, plan, splits, reporter, places)
    return [end.result(candidate) for candidate in end.run.candidates]
