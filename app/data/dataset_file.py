"""One data set opened: its table, its examples, and what was found out about them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from app.views.plan import ReadRow
from lamp.config import DataConfig
from lamp.data.checks import data_warnings
from lamp.data.checks.cut import cut_warnings
from lamp.data.column_roles import ColumnRole, column_roles
from lamp.data.conversation import readable
from lamp.data.label_tokens import stored_label_problems
from lamp.data.row_length import guessed_longest_row
from lamp.data.splits import Splits, prepare
from lamp.data.tables import Table, open_table, read_table
from lamp.data.truncation import Cut, cut_input
from lamp.hub.backbone_files import tokenizer_file

SAMPLES = Path(__file__).resolve().parent / "samples"
_FIRST_ROWS = 8
_LOOKED_AT = 1000
"""Rows among which the longest one is looked for."""


@dataclass(frozen=True)
class DatasetFile:
    """The table of a data set. The content of a reference never changes, so what was opened last is kept open."""

    path: Path
    """A sample, or the converted file of an upload."""
    name: str
    """The name that a person knows it by."""
    validation: Path | None = None
    """The file of another data set, whose rows are for validation."""
    test: Path | None = None
    """The file of another data set, whose rows are for the test."""

    def table(self) -> Table:
        """Its rows. Raises DataError when it cannot be read."""
        return opened_table(self.path)

    def column_roles(self, target: str) -> tuple[ColumnRole, ...]:
        """What is proposed for each column when `target` is answered. Raises DataError when it cannot be read."""
        return _column_roles(self.path, target)

    def splits(self, config: DataConfig) -> Splits:
        """Its rows as examples. Raises DataError when nothing can be learned from them."""
        return _prepared(self, config)

    def warnings(self, config: DataConfig) -> tuple[str, ...]:
        """What may spoil the result, one sentence each. Raises DataError when nothing can be learned from the rows."""
        return _warnings(self, config)

    def longest_row(self, config: DataConfig) -> tuple[int, int]:
        """Tokens of the longest input and of the longest target, about. Raises DataError as `splits` does."""
        return _longest_row(self, config)

    def read_rows(self, config: DataConfig, backbone: str | None) -> tuple[ReadRow, ...]:
        """The first row that is learned from, and the longest of the first ones if it is cut.

        backbone: as in `cut_warnings`; None when none is known. Raises DataError as `splits` does.
        """
        return _read_rows(self, config, backbone)

    def cut_warnings(self, config: DataConfig, backbone: str) -> tuple[str, ...]:
        """What is too long for the recipe, one sentence each; none where that is unknown before the run.

        backbone: the folder or Hub id that it is loaded from. Raises DataError as `splits` does.
        """
        file = tokenizer_file(backbone)
        return _cut_warnings(self, config, file) if file else ()

    def label_problems(self, config: DataConfig, backbone: str) -> dict[str, str]:
        """Why the labels cannot be learned by this backbone: sentence → key of a field; as `cut_warnings`."""
        labels = self.splits(config).labels
        file = tokenizer_file(backbone) if labels else None
        return stored_label_problems(file, list(labels), config.max_target_tokens) if file else {}


def forget_opened() -> None:
    """Drops what is kept of the data sets that were used last: a deleted one must leave nothing."""
    for kept in (opened_table, _column_roles, _prepared, _warnings, _longest_row, _read_rows, _cut_warnings):
        kept.cache_clear()


def first_rows(table: Table, longest_cell: int | None) -> tuple[dict[str, str], ...]:
    """The first rows of a table. longest_cell: characters of a cell that people are shown; None keeps all as it is."""
    return tuple({column: _cut(cell, longest_cell) for column, cell in row.items()} for row in table.rows[:_FIRST_ROWS])


def _cut(cell: str, longest: int | None) -> str:
    if longest is None:
        return cell
    shown = readable(cell)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


@lru_cache(maxsize=4)
def opened_table(path: Path) -> Table:
    """The table of a sample, or of the converted file of an upload; those used last are kept open."""
    return read_table(path) if path.parent == SAMPLES else open_table(path)


@lru_cache(maxsize=16)
def _column_roles(path: Path, target: str) -> tuple[ColumnRole, ...]:
    return column_roles(opened_table(path), target)


@lru_cache(maxsize=4)
def _prepared(data: DatasetFile, config: DataConfig) -> Splits:
    own = [opened_table(path) if path else None for path in (data.validation, data.test)]
    return prepare(opened_table(data.path), config, *own)


@lru_cache(maxsize=16)
def _warnings(data: DatasetFile, config: DataConfig) -> tuple[str, ...]:
    roles = _column_roles(data.path, config.target_column)
    return tuple(data_warnings(_prepared(data, config), roles, config.input_columns))


@lru_cache(maxsize=16)
def _longest_row(data: DatasetFile, config: DataConfig) -> tuple[int, int]:
    return guessed_longest_row(_prepared(data, config), config)


@lru_cache(maxsize=16)
def _read_rows(data: DatasetFile, config: DataConfig, backbone: str | None) -> tuple[ReadRow, ...]:
    file = tokenizer_file(backbone) if backbone else None
    examples = list(_prepared(data, config).train[:_LOOKED_AT])
    longest = max(examples, key=lambda example: len(example.text))
    rows: list[ReadRow] = []
    for example in dict.fromkeys((examples[0], longest)):
        shown = readable(example.text)
        # Where a conversation is cut is known only when the chat template has written it: `cut_warnings` counts those.
        is_plain = shown == example.text
        cut = cut_input(file, example, config.max_input_tokens) if file and is_plain else Cut(shown, "", "")
        if cut.middle or not rows:
            rows.append(ReadRow(example.row + 1, cut.head, cut.middle, cut.tail, example.target))
    return tuple(rows)


@lru_cache(maxsize=16)
def _cut_warnings(data: DatasetFile, config: DataConfig, file: Path) -> tuple[str, ...]:
    return tuple(cut_warnings(_prepared(data, config), file, config))
