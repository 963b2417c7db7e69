"""Turns a table into examples for training and examples for validation."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from lamp.config import DataConfig
from lamp.data.columns import check_columns, render
from lamp.data.tables import Table
from lamp.errors import DataError

MOST_LABELS = 50
"""Distinct targets that the task "auto" takes for labels, at most."""
LONGEST_LABEL = 60
"""Characters of a target that the task "auto" takes for a label, at most."""
FEWEST_ROWS = 10


@dataclass(frozen=True)
class Example:
    """One row of the table as the model reads it."""

    text: str
    """The input, rendered from the template."""
    target: str
    template_suffix: str
    """The end of `text` that belongs to the template; truncation never cuts it off."""


@dataclass(frozen=True)
class Splits:
    """A data set, prepared and split."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    task: str
    """"classification" or "generation"."""
    labels: dict[str, int]
    """Label → number of rows, most frequent first; empty for generation."""
    skipped: int
    """How many rows were left out because their target is empty."""


def examples_of(table: Table, config: DataConfig) -> list[Example]:
    """Renders every row that has a target. Raises DataError if the columns do not fit the table."""
    problems = check_columns(config, table.columns)
    if problems:
        raise DataError(" ".join(problems))
    examples = []
    for row in table.rows:
        target = row[config.target_column].strip()
        if target:
            text, template_suffix = render(config, row)
            examples.append(Example(text, target, template_suffix))
    return examples


def prepare(table: Table, config: DataConfig) -> Splits:
    """Renders, checks and splits a table; the same table and config always give the same splits.

    Raises DataError if nothing can be learned from it.
    """
    examples = examples_of(table, config)
    skipped = len(table.rows) - len(examples)
    if not examples:
        raise DataError(f"The target column {config.target_column!r} is empty in every row: choose another column.")
    if len(examples) < FEWEST_ROWS:
        empty = f" with a target ({skipped} have none)" if skipped else ""
        raise DataError(f"The data set has only {len(examples)} rows{empty}: at least {FEWEST_ROWS} are needed.")
    task, labels = _task(config, examples)
    train, validation = _split(examples, config, stratify=task == "classification")
    return Splits(tuple(train), tuple(validation), task, labels, skipped)


def _task(config: DataConfig, examples: Sequence[Example]) -> tuple[str, dict[str, int]]:
    """The task, and how many rows each label has; no labels for generation."""
    counts = Counter(example.target for example in examples)
    few = len(counts) <= min(MOST_LABELS, max(2, len(examples) // 5))
    short = max(map(len, counts)) <= LONGEST_LABEL
    if config.task == "generation" or (config.task == "auto" and not (few and short)):
        return "generation", {}
    if len(counts) == 1:
        raise DataError(
            f"Every row has the same target, {next(iter(counts))!r}: at least two different labels are needed."
        )
    if len(counts) > 1000:
        raise DataError(f"The target has {len(counts)} different values, too many for labels: choose generation.")
    return "classification", dict(counts.most_common())


def _split(examples: Sequence[Example], config: DataConfig, *, stratify: bool) -> tuple[list[Example], list[Example]]:
    """Training and validation examples, both in the table's order.

    stratify: whether the same share of every label's rows is held out.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for index, example in enumerate(examples):
        groups[example.target if stratify else ""].append(index)
    rng = random.Random(config.split_seed)
    share = min(config.validation_share, config.max_validation_rows / len(examples))
    held_out: set[int] = set()
    for members in groups.values():
        rng.shuffle(members)
        count = max(1, round(len(members) * share)) if len(members) > 1 else 0
        held_out.update(members[:count])
    train = [example for index, example in enumerate(examples) if index not in held_out]
    validation = [examples[index] for index in sorted(held_out)]
    return train, validation
