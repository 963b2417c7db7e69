"""The command that trains prompts of several recipes side by side and exports the best one."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamp.commands.progress_bar import BarReporter
from lamp.commands.recipe import checkpoints_of, note_warnings, recipe_of, splits_of, trained_prompt
from lamp.config import TuneConfig
from lamp.data.tables import KINDS, read_table
from lamp.errors import ConfigError, TrainingError
from lamp.hub.cached import commit_of
from lamp.hub.recipe_fit import misfits
from lamp.training.halving import LEARNING_RATES, rungs
from lamp.training.run_digest import Swept

if TYPE_CHECKING:
    from lamp.training.sweep import BestOfSweep

_LISTS = {
    "learning_rates": ("train.learning_rate", float, "learning rates; the five that a search tries, if none are given"),
    "seeds": ("train.seed", int, "seeds"),
    "lengths": ("lamp.prompt_length", int, "prompt lengths, in tokens before pooling"),
    "ranks": ("lamp.rank", int, "ranks"),
    "pools": ("lamp.pooling", int, "how many tokens are averaged into one"),
    "interactions": ("lamp.interactions", int, "interactions"),
}
"""The options with lists of values: the recipe's field, the type of its values and a help text."""


def add_sweep(commands: Any) -> argparse.ArgumentParser:
    """Adds the command to a parser's commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "sweep", help="train all combinations of some values side by side, and keep the best prompt"
    )
    parser.add_argument("recipe", type=Path, help="a recipe as JSON; what is not listed below is as it says")
    parser.add_argument("--data", type=Path, required=True, help=KINDS)
    parser.add_argument("--out", type=Path, required=True, help="folder for the exported prompt of the best recipe")
    for name, (_, kind, help) in _LISTS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, nargs="+", metavar="N", help=help)
    parser.add_argument(
        "--to-the-end", action="store_true", help="train every recipe to the end, instead of dropping the worse ones"
    )
    parser.set_defaults(command=_sweep)
    return parser


def _sweep(options: argparse.Namespace) -> None:
    recipe, backbone = recipe_of(options)
    swept = _values_of(options, recipe)
    recipes = combinations(recipe, swept)
    if len(recipes) < 2:
        raise ConfigError(["There is only one recipe to train: give several values, such as --ranks 4 8."])
    for one in recipes:
        one.check()
        if problems := misfits(backbone, one):
            raise ConfigError(problems)
    table = read_table(options.data)
    splits = splits_of(table, recipe, backbone)
    checkpoints = checkpoints_of(options.out, recipe, splits, swept)
    from lamp.backbone.devices import process_state
    from lamp.export.saved_prompt import save_prompt
    from lamp.training.sweep import best_of_sweep
    from lamp.training.train import Places

    start = trained_prompt(recipe)
    trained_prompts = {recipe.lamp.initial_prompt: start} if start else {}
    places = Places(checkpoints, options.backbone, trained_prompts, checkpoints / "tokens")
    reporter = BarReporter(recipe.train.steps)
    try:
        note_warnings(reporter, splits, table, recipe)
        plan = () if options.to_the_end else rungs(len(recipes), recipe.train.steps)
        best = best_of_sweep(recipes, plan, splits, reporter, places)
    finally:
        reporter.close()
    if process_state().is_main_process:
        save_prompt(best.result, best.recipe, options.out, commit=commit_of(backbone.source))
        print(table_of(best, [name for name, values in swept.items() if len(values) > 1]))
        print(json.dumps(best.result.final.merged()))
    if best.result.failure:
        raise TrainingError(best.result.failure)


def _values_of(options: argparse.Namespace, recipe: TuneConfig) -> Swept:
    """Returns the values of each swept field in the given order, without repetitions."""
    swept = {
        field: list(dict.fromkeys(values))
        for name, (field, _, _) in _LISTS.items()
        if (values := getattr(options, name)) is not None
    }
    if recipe.train.learning_rate == "found":
        swept.setdefault("train.learning_rate", list(LEARNING_RATES))
    return swept


def combinations(recipe: TuneConfig, swept: Swept) -> list[TuneConfig]:
    """Returns the recipe with every combination of the values."""
    recipes = []
    for values in product(*swept.values()):
        sections: dict[str, dict[str, Any]] = {"train": {}, "lamp": {}}
        for name, value in zip(swept, values, strict=True):
            section, field = name.split(".")
            sections[section][field] = value
        recipes.append(
            replace(
                recipe, train=replace(recipe.train, **sections["train"]), lamp=replace(recipe.lamp, **sections["lamp"])
            )
        )
    return recipes


def table_of(best: BestOfSweep, fields: Sequence[str]) -> str:
    """Returns the validation scores of all recipes as a Markdown table, best first.

    fields: the names of those that differ.
    """
    scores = list(dict.fromkeys(name for one in best.tried for name in one.scores))
    heads = [*(field.split(".")[1] for field in fields), "steps", *(f"validation {name}" for name in scores), ""]
    lines = [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    ranked = sorted(
        best.tried, key=lambda one: (one.recipe != best.recipe, -one.steps, one.scores.get("loss", float("inf")))
    )
    for one in ranked:
        sections = {"train": one.recipe.train, "lamp": one.recipe.lamp}
        cells = [f"{getattr(sections[field.split('.')[0]], field.split('.')[1]):g}" for field in fields]
        cells += [str(one.steps), *(f"{one.scores[name]:.4g}" if name in one.scores else "" for name in scores)]
        lines.append(f"| {' | '.join([*cells, 'exported' if one.recipe == best.recipe else ''])} |")
    return "\n".join(lines)
