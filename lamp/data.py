"""From a table to examples: which text the model reads, which target it should give, and what is held out."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lamp.config import DataConfig
from lamp.errors import DataError
from lamp.tables import Table

MOST_LABELS = 50
LONGEST_LABEL = 60
FEWEST_ROWS = 10
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Example:
    """One row as the model sees it."""

    text: str
    """The rendered input."""
    target: str
    tail: str
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


def default_template(config: DataConfig) -> str:
    """One "column: value" line for each input column, then the target column's name and a colon."""
    lines = [f"{column}: {{{column}}}" for column in config.input_columns]
    return "\n".join([*lines, f"{config.target_column}:"])


def render(config: DataConfig, row: Mapping[str, str]) -> tuple[str, str]:
    """The text that stands before the target for one row, and its fixed tail.

    Only {column} placeholders of input columns are replaced; a cell's own braces stay as they are.
    """
    template = config.template or default_template(config)
    tail = _PLACEHOLDER.split(template)[-1]
    return _PLACEHOLDER.sub(lambda match: row[match.group(1)].strip(), template), tail


def check_columns(config: DataConfig, columns: Sequence[str]) -> list[str]:
    """One sentence for each column or placeholder that the table cannot serve."""
    problems = config.problems()
    there = ", ".join(repr(column) for column in columns)
    for column in dict.fromkeys([*config.input_columns, config.target_column]):
        if column and column not in columns:
            problems.append(f"The data set has no column {column!r}; it has {there}.")
    if config.template:
        used = _PLACEHOLDER.findall(config.template)
        for name in used:
            if name not in config.input_columns:
                problems.append(f"The template names {{{name}}}, which is not an input column.")
        if not used:
            problems.append("The template names no input column: write one in braces, such as {text}.")
    return problems


def guess_columns(columns: Sequence[str]) -> DataConfig:
    """A first choice of columns: a well-known target name or else the last column; every other one is input."""
    known = ("label", "labels", "target", "answer", "output", "category", "class", "summary", "sentiment", "intent")
    lowered = {column.strip().lower(): column for column in columns}
    target = next((lowered[name] for name in known if name in lowered), columns[-1])
    identifiers = {"id", "idx", "index", "uuid", "row", "row_id"}
    inputs = [column for column in columns if column != target]
    named = [column for column in inputs if column.strip().lower() not in identifiers]
    return DataConfig(input_columns=tuple(named or inputs), target_column=target)


def examples_of(table: Table, config: DataConfig) -> list[Example]:
    """Every row that has a target, rendered. Raises DataError when the columns do not fit the table."""
    problems = check_columns(config, table.columns)
    if problems:
        raise DataError(" ".join(problems))
    found = []
    for row in table.rows:
        target = row[config.target_column].strip()
        if target:
            text, tail = render(config, row)
            found.append(Example(text, target, tail))
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


def _split(
    examples: Sequence[Example], config: DataConfig, *, stratify: bool
) -> tuple[list[Example], list[Example]]:
    """Holds out a share of the rows, of each label alike when there are labels."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, example in enumerate(examples):
        groups[example.target if stratify else ""].append(index)
    chooser = random.Random(config.split_seed)
    wanted = min(config.validation_share, config.max_validation_rows / len(examples))
    held: set[int] = set()
    for members in groups.values():
        chooser.shuffle(members)
        count = max(1, round(len(members) * wanted)) if len(members) > 1 else 0
        held.update(members[:count])
    train = [example for index, example in enumerate(examples) if index not in held]
    validation = [examples[index] for index in sorted(held)]
    return train, validation
