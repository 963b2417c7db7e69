"""Turns a table into examples for training and examples for validation."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

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


class Examples(Sequence[Example]):
    """Rows of a table as examples, which are rendered when they are asked for."""

    def __init__(self, table: Table, config: DataConfig, places: Sequence[int]) -> None:
        """places: the rows' indices in the table, ascending."""
        self._table, self._config, self._places = table, config, places

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Example]:
        template, target = Template.of(self._config), self._config.target_column
        for row in self._table.take(self._places):
            yield Example(template.render(row), row[target].strip(), template.suffix)

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
    without_input: int = 0
    """How many rows were left out because everything that would be read is empty."""
    repeated: int = 0
    """How many rows have the same input as another row; those with one input are all in the same part."""


@dataclass(frozen=True)
class _Usable:
    """The rows of a table that have an input and a target."""

    places: array[int]
    """Their indices in the table."""
    keys: list[int]
    """Equal for rows with the same input (`same_input_key`)."""
    targets: list[str]
    """The target of each; empty texts after MOST_CHOSEN_LABELS different ones."""
    counts: dict[str, int]
    """Rows of each target, as far as `targets` goes."""
    skipped: int
    """Rows without a target."""
    without_input: int
    """Rows without an input."""

    @property
    def words(self) -> str:
        """Says in a sentence about rows that some are left out."""
        return " with an input and a target" if self.skipped or self.without_input else ""


def examples_of(table: Table, config: DataConfig) -> Examples:
    """Every row that has an input and a target. Raises DataError if the columns do not fit the table."""
    return Examples(table, config, _usable(table, config).places)


def _usable(table: Table, config: DataConfig) -> _Usable:
    problems = check_columns(config, table.columns)
    if problems:
        raise DataError(" ".join(problems))
    read = list(dict.fromkeys(column for _, column in Template.of(config).pairs))
    places, keys, targets = array("Q"), list[int](), list[str]()
    counts: dict[str, int] = {}
    skipped = without_input = 0
    columns = [table.cells(column) for column in (config.target_column, *read)]
    for place, (target, *cells) in enumerate(zip(*columns, strict=True)):
        target = target.strip()
        text = "\0".join([cell.strip() for cell in cells])
        if not target:
            skipped += 1
        elif not text.strip("\0"):
            without_input += 1
        else:
            places.append(place)
            keys.append(_short_key(same_input_key(text)))
            if len(counts) <= MOST_CHOSEN_LABELS:
                counts[target] = counts.get(target, 0) + 1
                targets.append(target)
            else:  # they are no labels, and too many texts to keep
                targets.append("")
    return _Usable(places, keys, targets, counts, skipped, without_input)


def _short_key(key: str) -> int:
    """A number in place of a text, the same in every process."""
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def prepare(table: Table, config: DataConfig) -> Splits:
    """Renders, checks and splits a table; the same table and config always give the same splits.

    Raises DataError if nothing can be learned from it.
    """
    usable = _usable(table, config)
    rows = len(usable.places)
    if usable.skipped == len(table.rows):
        raise DataError(f"The target column {config.target_column!r} is empty in every row: choose another column.")
    if rows < FEWEST_ROWS:
        raise DataError(_too_few(rows, usable.skipped, usable.without_input))
    labels = _labels(config, usable)
    held_out = held_out_rows(usable.keys, usable.targets if labels else [""] * rows, config)
    train = array("Q", (place for index, place in enumerate(usable.places) if index not in held_out))
    validation = array("Q", (usable.places[index] for index in sorted(held_out)))
    return Splits(
        Examples(table, config, train),
        Examples(table, config, validation),
        "classification" if labels else "generation",
        labels,
        usable.skipped,
        usable.without_input,
        repeated=sum(count for count in Counter(usable.keys).values() if count > 1),
    )


def _too_few(rows: int, skipped: int, without_input: int) -> str:
    """Says that a data set has too few rows, and how many could not be used."""
    empty = ([f"{skipped} have none"] if skipped else []) + (
        [f"{without_input} have no input"] if without_input else []
    )
    usable = f" with {'an input and a target' if without_input else 'a target'} ({', '.join(empty)})" if empty else ""
    return f"The data set has only {rows} rows{usable}: at least {FEWEST_ROWS} are needed."


def _labels(config: DataConfig, usable: _Usable) -> dict[str, int]:
    """How many rows each label has, most frequent first; none for generation."""
    counts, rows = usable.counts, len(usable.places)
    few = len(counts) <= min(MOST_LABELS, max(2, rows // 5))
    short = max(map(len, counts)) <= LONGEST_LABEL
    if config.task == "generation" or (config.task == "auto" and not (few and short)):
        return {}
    if len(counts) == 1:
        raise DataError(
            f"Every row{usable.words} has the same target, {next(iter(counts))!r}: at least two different labels are "
            "needed."
        )
    if len(counts) == rows:
        raise DataError(
            f"Each of the {rows:,} rows{usable.words} has a target of its own, so there are no labels to learn: "
            "choose the task of writing a text, or another target column."
        )
    if len(counts) > MOST_CHOSEN_LABELS:
        raise DataError(
            f"The target has more than {MOST_CHOSEN_LABELS:,} different values, too many for labels: choose generation."
        )
    return dict(Counter(counts).most_common())
