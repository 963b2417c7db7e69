"""The data set of a recipe before it is started: reads it as far as possible, and says why not further."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from app.data.dataset_file import DatasetFile, first_rows
from app.data.datasets import Datasets
from app.views.plan import Preview
from lamp.config import DataConfig
from lamp.data.columns import check_columns
from lamp.data.splits import Splits
from lamp.data.tables import Table
from lamp.errors import ConfigError, DataError
from storage.errors import StorageError

_LONGEST_CELL = 300
"""Characters of a cell that the preview shows."""


@dataclass(frozen=True)
class RecipeData:
    """A recipe's data set as far as it can be read."""

    file: DatasetFile | None
    table: Table | None
    splits: Splits | None
    """None also if the recipe's data section has problems."""
    problem: str
    """Why it cannot be read or learned from; empty if it can."""
    field: str = ""
    """Key of the field that the problem belongs to."""

    def preview(self, config: DataConfig, backbone: str | None) -> Preview | None:
        """Returns what the form shows of the data; None if it cannot be read. backbone: its source, if it is known."""
        if self.file is None or self.table is None:
            return None
        splits = self.splits
        return Preview(
            dataset_name=self.file.name,
            columns=tuple(self.table.columns),
            column_roles=self.file.column_roles(config.target_column),
            rows=first_rows(self.table, _LONGEST_CELL),
            row_count=len(self.table.rows),
            read=self.file.read_rows(config, backbone) if splits else (),
            task=splits.task if splits else "",
            labels=splits.labels if splits else {},
            train_rows=len(splits.train) if splits else 0,
            validation_rows=len(splits.validation) if splits else 0,
            test_rows=len(splits.test) if splits else 0,
            notes=self.table.notes,
        )

    def warnings(self, config: DataConfig, backbone: str | None) -> tuple[str, ...]:
        """Returns what should be known of the rows before they are learned from. backbone: as in `preview`."""
        if self.file is None or self.splits is None:
            return ()
        cut = self.file.cut_warnings(config, backbone) if backbone else ()
        return (*self.file.warnings(config), *cut)


def read_data(datasets: Datasets, dataset: str, config: DataConfig) -> RecipeData:
    """Reads a data set as the recipe's data section says, as far as that is possible."""
    file = table = splits = None
    problem, field = "", "dataset"
    try:
        file = datasets.file(dataset)
        table = file.table()
        field = "data.validation_data"
        file = replace(file, validation=_own_rows(datasets, config.validation_data, file, config))
        field = "data.test_data"
        file = replace(file, test=_own_rows(datasets, config.test_data, file, config))
        field = "data.target_column"
        if not config.problems():
            splits = file.splits(config)
    except (ConfigError, DataError, StorageError) as error:
        problem = str(error)
    return RecipeData(file, table, splits, problem, field)


def _own_rows(datasets: Datasets, reference: str, file: DatasetFile, config: DataConfig) -> Path | None:
    """Returns the file of the data set for validation or test rows; None if they are a share of `file`.

    Raises DataError, StorageError.
    """
    if not reference:
        return None
    own = datasets.file(reference)
    if not check_columns(config, file.table().columns) and (lacking := check_columns(config, own.table().columns)):
        raise DataError(f"{own.name} has other columns than {file.name}: {' '.join(lacking)}")
    return own.path
