"""Turns a table into examples for training and examples for validation."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from lamp.config import DataConfig
from lamp.data.columns import check_columns, render
from lamp.data.tables import Table
from lamp.errors import DataError

MOST_LABELS = 50
"""The most distinct targets that the task "auto" treats as labels."""
LONGEST_LABEL = 60
"""The longest target, in characters, that the task "auto" treats as a label."""
MAX_LABELS = 1000
"""The most distinct targets that can be labels at all."""
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


class Examples(Sequence[Example]):
    """Rows of a table as examples, which are rendered when they are asked for."""

    def __init__(self, table: Table, config: DataConfig, places: Sequence[int]) -> None:
        """places: the rows' indices in the table, ascending."""
        self._table, self._config, self._places = table, config, places

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Example]:
        for row in self._table.take(self._places):
            text, template_suffix = render(self._config, row)
            yield Example(text, row[self._config.target_column].strip(), template_suffix)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(Example.__eq__, self, other))

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> Examples: ...

    def __getitem__(self, index: int | slice) -> Example | Examples:
        if isinstance(index, slice):
            return Examples(self._table, self._config, self._places[index])
        return next(iter(self[index : index + 1 or None]))


@dataclass(frozen=True)
class Splits:
    """A data set, prepared and split."""

    train: Sequence[Example]
    validation: Sequence[Example]
    task: str
    """"classification" or "generation"."""
    labels: dict[str, int]
    """Label → number of rows, most frequent first; empty for generation."""
    skipped: int
    """How many rows were left out because their target is empty."""


@dataclass(frozen=True)
class _Targets:
    """The targets of a table's rows."""

    places: array[int]
    """Indices of the rows that have a target."""
    labels: dict[str, list[int]]
    """Target → its rows, as indices into `places`; not all of them where there are more than MAX_LABELS."""
    longest: int
    """Length in characters of the longest target, as far as `labels` goes."""

    @property
    def many(self) -> bool:
        """Whether there are more targets than can be labels."""
        return len(self.labels) > MAX_LABELS


def examples_of(table: Table, config: DataConfig) -> Examples:
    """Every row that has a target. Raises DataError if the columns do not fit the table."""
    return Examples(table, config, _targets(table, config).places)


def prepare(table: Table, config: DataConfig) -> Splits:
    """Renders, checks and splits a table; the same table and config always give the same splits.

    Raises DataError if nothing can be learned from it.
    """
    targets = _targets(table, config)
    rows = len(targets.places)
    skipped = len(table.rows) - rows
    if not rows:
        raise DataError(f"The target column {config.target_column!r} is empty in every row: choose another column.")
    if rows < FEWEST_ROWS:
        empty = f" with a target ({skipped} have none)" if skipped else ""
        raise DataError(f"The data set has only {rows} rows{empty}: at least {FEWEST_ROWS} are needed.")
    labels = _labels(config, targets)
    train, validation = _split(targets, config, stratify=bool(labels))
    task = "classification" if labels else "generation"
    return Splits(Examples(table, config, train), Examples(table, config, validation), task, labels, skipped)


def _targets(table: Table, config: DataConfig) -> _Targets:
    """Reads the target column. Raises DataError if the columns do not fit the table."""
    problems = check_columns(config, table.columns)
    if problems:
        raise DataError(" ".join(problems))
    places, labels, longest = array("I"), dict[str, list[int]](), 0
    for place, cell in enumerate(table.cells(config.target_column)):
        target = cell.strip()
        if not target:
            continue
        if len(labels) <= MAX_LABELS:
            longest = max(longest, len(target))
            labels.setdefault(target, []).append(len(places))
        places.append(place)
    return _Targets(places, labels, longest)


def _labels(config: DataConfig, targets: _Targets) -> dict[str, int]:
    """How many rows each label has; none for generation."""
    few = len(targets.labels) <= min(MOST_LABELS, max(2, len(targets.places) // 5))
    if config.task == "generation" or (config.task == "auto" and not (few and targets.longest <= LONGEST_LABEL)):
        return {}
    if len(targets.labels) == 1:
        raise DataError(
            f"Every row has the same target, {next(iter(targets.labels))!r}: at least two different labels are needed."
        )
    if targets.many:
        raise DataError(f"The target has more than {MAX_LABELS:,} different values: choose generation.")
    counts = {label: len(rows) for label, rows in targets.labels.items()}
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _split(targets: _Targets, config: DataConfig, *, stratify: bool) -> tuple[array[int], array[int]]:
    """Rows of the table for training and for validation, ascending.

    stratify: whether the same share of every label's rows is held out.
    """
    rows = len(targets.places)
    rng = random.Random(config.split_seed)
    share = min(config.validation_share, config.max_validation_rows / rows)
    held_out = bytearray(rows)
    for members in [*targets.labels.values()] if stratify else [list(range(rows))]:
        shuffled = array("I", members)
        rng.shuffle(shuffled)
        for index in shuffled[: max(1, round(len(members) * share)) if len(members) > 1 else 0]:
            held_out[index] = 1
    train = array("I", (place for place, held in zip(targets.places, held_out, strict=True) if not held))
    validation = array("I", (place for place, held in zip(targets.places, held_out, strict=True) if held))
    return train, validation
