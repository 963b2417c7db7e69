"""What the commands that train are given: a recipe that fits its backbone, and rows that can be learned from."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from lamp.config import TuneConfig
from lamp.data.label_tokens import stored_label_problems
from lamp.data.splits import Splits, prepare
from lamp.data.tables import Table, read_table
from lamp.errors import ConfigError, DataError
from lamp.hub.backbone_files import tokenizer_file
from lamp.hub.catalog import BackboneInfo, inspect
from lamp.hub.recipe_fit import misfits, wants_gpu


def read_recipe(options: argparse.Namespace) -> tuple[TuneConfig, BackboneInfo]:
    """The recipe, which fits its backbone, and what is known of that before it is loaded."""
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


def read_splits(table: Table, recipe: TuneConfig, backbone: BackboneInfo) -> Splits:
    """The table's rows, with those of the files that the recipe names for validation and the test.

    Raises DataError; ConfigError for labels that the backbone cannot learn.
    """
    data = recipe.data
    own = [read_table(Path(file)) if file else None for file in (data.validation_data, data.test_data)]
    splits = prepare(table, data, *own)
    tokenizer = tokenizer_file(backbone.source) if splits.labels else None
    if tokenizer and (problems := stored_label_problems(tokenizer, list(splits.labels), data.max_target_tokens)):
        raise ConfigError(problems)
    return splits
