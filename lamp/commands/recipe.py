"""What the training commands share: the recipe, its rows, and the folder of the run."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from lamp.commands.progress_bar import BarReporter
from lamp.config import TuneConfig
from lamp.data.checks import data_warnings
from lamp.data.column_roles import column_roles
from lamp.data.label_tokens import stored_label_problems
from lamp.data.splits import Splits, prepare
from lamp.data.tables import Table, read_table
from lamp.errors import ConfigError, DataError
from lamp.hub.backbone_files import tokenizer_file
from lamp.hub.catalog import BackboneInfo, inspect
from lamp.hub.recipe_fit import misfits, wants_gpu
from lamp.training.run_digest import Swept, other_run, record_run


def recipe_of(options: argparse.Namespace) -> tuple[TuneConfig, BackboneInfo]:
    """Reads the recipe, checks that it fits its backbone, and returns both."""
    try:
        recipe = TuneConfig.from_dict(json.loads(options.recipe.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"The recipe {options.recipe} cannot be read: {error}.") from error
    recipe.check()
    backbone = inspect(options.backbone or recipe.backbone)
    problems = misfits(backbone, recipe)
    if packed := wants_gpu(backbone, recipe):
        from lamp.backbone.devices import default_device

        problems |= packed if default_device().type != "cuda" else {}
    if problems:
        raise ConfigError(problems)
    return recipe, backbone


def splits_of(table: Table, recipe: TuneConfig, backbone: BackboneInfo) -> Splits:
    """Splits the table's rows, or reads the files that the recipe names for validation and test.

    Raises DataError; ConfigError for labels that the backbone cannot learn.
    """
    data = recipe.data
    own = [read_table(Path(file)) if file else None for file in (data.validation_data, data.test_data)]
    splits = prepare(table, data, *own)
    tokenizer = tokenizer_file(backbone.source) if splits.labels else None
    if tokenizer and (problems := stored_label_problems(tokenizer, list(splits.labels), data.max_target_tokens)):
        raise ConfigError(problems)
    return splits


def trained_prompt(recipe: TuneConfig) -> Path | None:
    """Returns the folder of the exported prompt that the recipe starts from; None if it names none."""
    return Path(recipe.lamp.initial_prompt) if recipe.lamp.initial == "prompt" else None


def checkpoints_of(out: Path, recipe: TuneConfig, splits: Splits, swept: Swept | None = None) -> Path:
    """Returns the folder for checkpoints in the folder of a run, and marks it as belonging to this run.

    swept: the values of a sweep. Raises DataError if it belongs to another run.
    """
    checkpoints = out / "checkpoints"
    if difference := other_run(checkpoints, recipe, splits, swept):
        raise DataError(
            f"The folder {out} holds another run, which has {difference}: choose another folder, or give the "
            "recipe and the data of that run to go on with it."
        )
    try:
        record_run(checkpoints, recipe, splits, swept)
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise DataError(f"The folder {out} cannot be written ({reason}): choose another one.") from error
    return checkpoints


def note_warnings(reporter: BarReporter, splits: Splits, table: Table, recipe: TuneConfig) -> None:
    """Prints warnings about the rows before training."""
    data = recipe.data
    for sentence in data_warnings(splits, column_roles(table, data.target_column), data.input_columns):
        reporter.note(sentence)
