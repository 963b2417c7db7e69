"""From a table to examples to learn from and examples that are held out."""

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
LONGEST_LABEL = 60
FEWEST_ROWS = 10


@dataclass(frozen=True)
class Example:
    """One row as the model sees it."""

    text: str
    """The rendered input."""
    target: str
    template_suffix: str
    """The end of `text` that belongs to the template; truncation never takes it."""


@dataclass(frozen=True)
class Splits:
    """A prepared data set."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    task: str
    """"classification" or "generation"."""
    labels: dict[str, int]
    """Label → rows, most frequent first; empty for generation."""
    skipped: int
    """Rows left out because their target is empty."""


def examples_of(table: Table, config: DataConfig) -> list[Example]:
    """Every row that has a target, rendered. Raises DataError when the columns do not fit the table."""
    problems = check_columns(config, table.columns)
    if problems:
        raise DataError(" ".join(problems))
    found = []
    for row in table.rows:
        target = row[config.target_column].strip()
        if target:
            text, template_suffix = render(config, row)
            found.append(Example(text, target, template_suffix))
    return found


def prepare(table: Table, config: DataConfig) -> Splits:
    """Renders, checks and splits a table; the same table and config always give the same splits.

    Raises DataError with every reason why nothing can be learned from it.
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
    """Holds out a share of the rows, of each label alike when there are labels."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, example in enumerate(examples):
        groups[example.target if stratify else ""].append(index)
    rng = random.Random(config.split_seed)
    wanted = min(config.validation_share, config.max_validation_rows / len(examples))
    held: set[int] = set()
    for members in groups.values():
        rng.shuffle(members)
        count = max(1, round(len(members) * wanted)) if len(members) > 1 else 0
        held.update(members[:count])
    train = [example for index, example in enumerate(examples) if index not in held]
    validation = [examples[index] for index in sorted(held)]
    return train, validation
