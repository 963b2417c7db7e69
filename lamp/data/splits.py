"""Turns a table into examples for training, validation and test."""

from __future__ import annotations

import random
from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

from lamp.config import DataConfig
from lamp.data.columns import Template
from lamp.data.holding_out import held_out_rows, repeated_keys, test_rows
from lamp.data.tables import Table
from lamp.data.usable_rows import MOST_CHOSEN_LABELS, UsableRows, usable_rows
from lamp.errors import DataError

MOST_LABELS = 50
"""The most distinct targets that the task "auto" treats as labels."""
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
    row: int = field(default=0, compare=False)
    """Index in the table, from 0."""


class Examples(Sequence[Example]):
    """Rows of a table as examples, which are rendered when they are accessed."""

    def __init__(self, table: Table, config: DataConfig, places: Sequence[int]) -> None:
        """places: the rows' indices in the table, ascending."""
        self._table, self._config, self._places = table, config, places

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Example]:
        template, target = Template.of(self._config), self._config.target_column
        for place, row in zip(self._places, self._table.take(self._places), strict=True):
            yield Example(template.render(row), row[target].strip(), template.suffix, place)

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
    """A data set, prepared and split: no input is in two parts."""

    train: Sequence[Example]
    validation: Sequence[Example]
    task: str
    """"classification" or "generation"."""
    labels: dict[str, int]
    """Label → number of rows of the table, most frequent first; empty for generation.

    A label that occurs only in separate validation or test data comes last and has 0.
    """
    skipped: int
    """Number of rows that were left out because their target is empty."""
    without_input: int = 0
    """Number of rows that were left out because all their input columns are empty."""
    headers: int = 0
    """How many rows were left out because they hold the names of the columns."""
    not_accepted: int = 0
    """How many rows were left out because an annotator did not accept their label."""
    repeated: int = 0
    """Number of rows with the same input as another row; rows with equal inputs are in the same part."""
    test: Sequence[Example] = ()
    """Rows for the score that is reported, which choose nothing; empty if the recipe wants none or too few are left."""
    held_out_too: int = 0
    """Number of rows that were left out because separate validation or test data has the same input."""
    shown: Mapping[str, Example] = field(default_factory=dict)
    """The first row that each of these fields counts: "skipped", "without_input", "repeated", "held_out_too"."""

    @property
    def parts(self) -> tuple[Sequence[Example], ...]:
        """Returns all rows, part by part."""
        return self.train, self.validation, self.test


def examples_of(table: Table, config: DataConfig) -> Examples:
    """Returns every row that has an input and a target. Raises DataError if the columns do not fit the table."""
    return Examples(table, config, usable_rows(table, config).places)


def prepare(table: Table, config: DataConfig, validation: Table | None = None, test: Table | None = None) -> Splits:
    """Renders, checks and splits a table; the same tables and config always give the same splits.

    validation, test: separate data for these parts. Raises DataError if nothing can be learned from the table.
    """
    usable = usable_rows(table, config)
    rows = len(usable)
    if usable.skipped == len(table.rows):
        raise DataError(f"The target column {config.target_column!r} is empty in every row: choose another column.")
    if rows < FEWEST_ROWS:
        raise DataError(_too_few(rows, usable.skipped, usable.without_input))
    tables = {"validation": validation, "test": test}
    own = {name: _own_rows(part, config, name) for name, part in tables.items() if part is not None}
    labels = _labels(config, usable, own.values())
    parts, left_out = _divided(usable, usable.targets if labels else [""] * rows, own, config)
    examples = {name: Examples(tables.get(name) or table, config, places) for name, places in parts.items()}
    keys = repeated_keys(usable.keys)
    repeated = array("Q", (place for place, key in zip(usable.places, usable.keys, strict=True) if key in keys))
    first_left_out = next(((name, places[0]) for name, places in left_out.items() if places), ("", None))
    firsts = {
        "skipped": (table, usable.first_skipped),
        "without_input": (table, usable.first_without_input),
        "repeated": (table, next(iter(repeated), None)),
        "held_out_too": (tables.get(first_left_out[0]) or table, first_left_out[1]),
    }
    return Splits(
        task="classification" if labels else "generation",
        labels=labels,
        skipped=usable.skipped,
        without_input=usable.without_input,
        headers=usable.headers,
        not_accepted=usable.not_accepted,
        repeated=len(repeated),
        held_out_too=sum(map(len, left_out.values())),
        shown={
            kind: Examples(rows_of, config, [place])[0]
            for kind, (rows_of, place) in firsts.items()
            if place is not None
        },
        **examples,
    )


def _divided(
    usable: UsableRows, targets: Sequence[str], own: Mapping[str, UsableRows], config: DataConfig
) -> tuple[dict[str, array[int]], dict[str, array[int]]]:
    """Returns the indices of each part's rows, and of those left out because another part has their input, by their
    table.

    targets: one for each usable row, all the same for generation. An input of the test is in no other part, and one of
    validation is not trained on.
    """
    inputs = {name: set(part.keys) for name, part in own.items()}
    elsewhere = set[int]().union(*inputs.values())
    left = array("Q", (index for index, key in enumerate(usable.keys) if key not in elsewhere))
    left_out = {"": array("Q", (usable.places[index] for index, key in enumerate(usable.keys) if key in elsewhere))}
    if len(left) < FEWEST_ROWS:
        raise DataError(
            f"Only {len(left)} of the {len(usable):,} rows have an input that no row for validation or test has: at "
            f"least {FEWEST_ROWS} are needed to learn from."
        )
    parts: dict[str, array[int]] = {}
    for name, most in (("validation", config.max_validation_rows), ("test", config.max_test_rows)):
        if name in own:
            of_test = inputs.get("test", set()) if name == "validation" else set()
            places = [place for place, key in zip(own[name].places, own[name].keys, strict=True) if key not in of_test]
            left_out[name] = array("Q", sorted({*own[name].places} - {*places}))
            if not places:
                raise DataError("Every row for validation is a row for the test as well: choose different data sets.")
            drawn = random.Random(config.split_seed).sample(places, min(most, len(places)))
            parts[name] = array("Q", sorted(drawn))
            continue
        keys, labels = array("Q", (usable.keys[index] for index in left)), [targets[index] for index in left]
        if name == "validation":
            held_out = held_out_rows(keys, labels, config)
        else:
            held_out = test_rows(keys, labels, config, of_rows=len(usable))
        parts[name] = array("Q", (usable.places[left[number]] for number in sorted(held_out)))
        left = array("Q", (index for number, index in enumerate(left) if number not in held_out))
    parts["train"] = array("Q", (usable.places[index] for index in left))
    return parts, left_out


def _own_rows(table: Table, config: DataConfig, part: str) -> UsableRows:
    """Returns the usable rows of separate data for "validation" or "test". Raises DataError if there are none."""
    try:
        usable = usable_rows(table, config)
    except DataError as error:
        raise DataError(f"The rows for {part} cannot be used: {error}") from error
    if not len(usable):
        raise DataError(f"The data set for {part} has no row with an input and a target: choose another one.")
    return usable


def _too_few(rows: int, skipped: int, without_input: int) -> str:
    """Returns the sentence that a data set has too few rows, and how many could not be used."""
    empty = ([f"{skipped} have none"] if skipped else []) + (
        [f"{without_input} have no input"] if without_input else []
    )
    usable = f" with {'an input and a target' if without_input else 'a target'} ({', '.join(empty)})" if empty else ""
    return f"The data set has only {rows} rows{usable}: at least {FEWEST_ROWS} are needed."


def _labels(config: DataConfig, usable: UsableRows, own: Collection[UsableRows]) -> dict[str, int]:
    """Returns the number of rows of each label, most frequent first; empty for generation.

    own: of validation and test; a label that occurs only there can be chosen too, or its rows would not be scored.
    """
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
    unseen = dict.fromkeys([label for part in own for label in part.counts if label not in counts], 0)
    if len(counts) + len(unseen) > MOST_CHOSEN_LABELS:
        raise DataError(
            f"The target has more than {MOST_CHOSEN_LABELS:,} different values, too many for labels: choose generation."
        )
    return dict(Counter(counts).most_common()) | unseen
