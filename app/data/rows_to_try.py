"""Rows of a run's data, whole, to try its prompt on."""

from __future__ import annotations

import random
from dataclasses import dataclass

from app.data.datasets import Datasets
from app.run import Run
from app.views.results import Results
from lamp.data.columns import Template
from lamp.errors import DataError

_DRAWS = 50
"""How often a row is drawn until one has an input."""


@dataclass(frozen=True)
class DataRow:
    """A row of a data set."""

    number: int
    """From 1"""
    rows: int
    """How many the data set has"""
    dataset: str
    """Its name"""
    inputs: dict[str, str]
    """A value for each input column"""
    target: str
    tested: bool = False
    """Whether it is one of those that the prompt was scored on"""


def numbered_row(datasets: Datasets, run: Run, number: int) -> DataRow:
    """A row of the run's data set. number: from 1. Raises DataError, StorageError."""
    return _row(datasets, run, run.job.dataset, number)


def random_row(datasets: Datasets, run: Run) -> DataRow:
    """Any row of the run's data set, one with an input if there are some. Raises DataError, StorageError."""
    rows, template = datasets.file(run.job.dataset).table().rows, Template.of(run.config.data)
    if not rows:
        raise DataError("The data set has no rows any more.")
    drawn = (random.randrange(len(rows)) for _ in range(_DRAWS))
    place = next((place for place in drawn if template.has_input(rows[place])), 0)
    return _row(datasets, run, run.job.dataset, place + 1)


def tested_row(datasets: Datasets, run: Run, results: Results | None) -> DataRow:
    """Any of the rows that the run's prompt was scored on. Raises DataError, StorageError."""
    if results is None:
        raise DataError("It is not known which rows the prompt was scored on.")
    number = random.choice(results.answers).row + 1
    return _row(datasets, run, scored_dataset(run), number, tested=True)


def scored_dataset(run: Run) -> str:
    """The reference of the data set that the rows come from on which the run's prompt was scored."""
    data = run.config.data
    return (data.test_data if run.job.scores.get("test_rows") else data.validation_data) or run.job.dataset


def _row(datasets: Datasets, run: Run, reference: str, number: int, *, tested: bool = False) -> DataRow:
    data, file = run.config.data, datasets.file(reference)
    rows = file.table().rows
    if not 1 <= number <= len(rows):
        raise DataError(f"The number of the row must be between 1 and {len(rows):,}, not {number:,}.")
    row = rows[number - 1]
    inputs = {column: row[column] for column in data.input_columns}
    return DataRow(number, len(rows), file.name, inputs, row[data.target_column], tested)
