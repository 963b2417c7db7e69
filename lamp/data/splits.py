"""Turns a table into examples for training and examples for validation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lamp.config import DataConfig
from lamp.data.columns import Template, check_columns
from lamp.data.holding_out import held_out_rows, same_input_key
from lamp.data.tables import Table
from lamp.errors import DataError

MOST_LABELS = 50
"""The most distinct targets that the task "auto" treats as labels."""
MOST_CHOSEN_LABELS = 1000
"""The most distinct targets that can be labels when the task "classification" is chosen."""
LONGEST_LABEL = 60
"""The longest target, in characters, that the task "auto" treats as a label."""
FEWEST_ROWS = 10
"""The fewest rows with a target that can be trained on."""


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
    without_input: int = 0
    """How many rows were left out because everything that would be read is empty."""
    repeated: int = 0
    """How many rows have the same input as another row; those with one input are all in the same part."""


def examples_of(table: Table, config: DataConfig) -> list[Example]:
    """Renders every row that has an input and a target. Raises DataError if the columns do not fit the table."""
    return _rendered(table, config)[0]


def _rendered(table: Table, config: DataConfig) -> tuple[list[Example], int, int]:
    """The usable rows as examples, the number of rows without a target, and that of rows without an input."""
    problems = check_columns(config, table.columns)
    if problems:
        raise DataError(" ".join(problems))
    template = Template.of(config)
    examples, skipped, without_input = [], 0, 0
    for row in table.rows:
        target = row[config.target_column].strip()
        if not target:
            skipped += 1
        elif not template.has_input(row):
            without_input += 1
        else:
            examples.append(Example(template.render(row), target, template.suffix))
    return examples, skipped, without_input


def prepare(table: Table, config: DataConfig) -> Splits:
    """Renders, checks and splits a table; the same table and config always give the same splits.

    Raises DataError if nothing can be learned from it.
    """
    examples, skipped, without_input = _rendered(table, config)
    if skipped == len(table.rows):
        raise DataError(f"The target column {config.target_column!r} is empty in every row: choose another column.")
    if len(examples) < FEWEST_ROWS:
        raise DataError(_too_few(len(examples), skipped, without_input))
    usable = " with an input and a target" if skipped or without_input else ""
    task, labels = _task(config, examples, usable)
    of_label = [example.target if labels else "" for example in examples]
    keys = [same_input_key(example.text) for example in examples]
    held_out = held_out_rows(keys, of_label, config)
    train = tuple(example for index, example in enumerate(examples) if index not in held_out)
    validation = tuple(examples[index] for index in sorted(held_out))
    repeated = sum(rows for rows in Counter(keys).values() if rows > 1)
    return Splits(train, validation, task, labels, skipped, without_input, repeated)


def _too_few(rows: int, skipped: int, without_input: int) -> str:
    """Says that a data set has too few rows, and how many could not be used."""
    empty = ([f"{skipped} have none"] if skipped else []) + (
        [f"{without_input} have no input"] if without_input else []
    )
    usable = f" with {'an input and a target' if without_input else 'a target'} ({', '.join(empty)})" if empty else ""
    return f"The data set has only {rows} rows{usable}: at least {FEWEST_ROWS} are needed."


def _task(config: DataConfig, examples: Sequence[Example], usable: str) -> tuple[str, dict[str, int]]:
    """The task, and how many rows each label has; no labels for generation. usable: which rows, for sentences."""
    counts = Counter(example.target for example in examples)
    few = len(counts) <= min(MOST_LABELS, max(2, len(examples) // 5))
    short = max(map(len, counts)) <= LONGEST_LABEL
    if config.task == "generation" or (config.task == "auto" and not (few and short)):
        return "generation", {}
    if len(counts) == 1:
        raise DataError(
            f"Every row{usable} has the same target, {next(iter(counts))!r}: at least two different labels are needed."
        )
    if len(counts) == len(examples):
        raise DataError(
            f"Each of the {len(examples):,} rows{usable} has a target of its own, so there are no labels to learn: "
            "choose the task of writing a text, or another target column."
        )
    if len(counts) > MOST_CHOSEN_LABELS:
        raise DataError(f"The target has {len(counts)} different values, too many for labels: choose generation.")
    return "classification", dict(counts.most_common())
