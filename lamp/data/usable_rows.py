"""The rows of a table that can be used for training: those with an input and a target."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

from lamp.config import DataConfig
from lamp.data.columns import Template, check_columns
from lamp.data.holding_out import same_input_key, short_key
from lamp.data.tables import Table
from lamp.errors import DataError

MOST_CHOSEN_LABELS = 1000
"""The most distinct targets that can be labels when the task "classification" is chosen."""
VERDICT, VERDICT_SIGN = "answer", "_task_hash"
"""Where Prodigy writes what an annotator said of a row's label, and a column by which its files are known."""
_NOT_ACCEPTED = ("reject", "ignore")


@dataclass(frozen=True)
class UsableRows:
    """The rows of a table that have an input and a target."""

    places: array[int]
    """Row indices in the table."""
    keys: array[int]
    """One for each row, equal for rows with the same input (`same_input_key`), also across tables."""
    targets: list[str]
    """The target of each row; empty texts once there are more than MOST_CHOSEN_LABELS different ones."""
    counts: dict[str, int]
    """Number of rows of each target in `targets`."""
    skipped: int
    """Number of rows without a target."""
    without_input: int
    """Number of rows without an input."""
    first_skipped: int | None = None
    """The index of the first row without a target."""
    first_without_input: int | None = None
    """The index of the first row without an input."""
    headers: int = 0
    """Rows that hold the names of the columns, as where files were joined."""
    not_accepted: int = 0
    """Rows whose label an annotator did not accept."""

    def __len__(self) -> int:
        return len(self.places)

    @property
    def words(self) -> str:
        """Returns a part of a sentence that says that some rows are left out."""
        return " with an input and a target" if self.skipped or self.without_input else ""


def usable_rows(table: Table, config: DataConfig) -> UsableRows:
    """Finds the usable rows in one pass over the columns. Raises DataError if the columns do not fit the table."""
    problems = check_columns(config, table.columns)
    if problems:
        raise DataError(" ".join(problems))
    read = list(dict.fromkeys(column for _, column in Template.of(config).pairs))
    places, keys, targets = array("Q"), array("Q"), list[str]()
    counts: dict[str, int] = {}
    names = {*table.columns}
    known: dict[str, str] = {}  # one text for all rows of a label
    skipped = without_input = headers = not_accepted = 0
    first_skipped = first_without_input = None
    columns = [table.cells(column) for column in (config.target_column, *read)]
    judged = {VERDICT, VERDICT_SIGN} <= names and VERDICT not in (config.target_column, *read)
    verdicts = table.cells(VERDICT) if judged else repeat("", len(table.rows))
    for place, (verdict, target, *cells) in enumerate(zip(verdicts, *columns, strict=True)):
        target = target.strip()
        text = "\0".join([cell.strip() for cell in cells])
        if target == config.target_column and cells == read:
            headers += 1
        elif target in names and names.issuperset(cells) and {*table.rows[place].values()} == names:
            raise DataError(_other_order(place, [*table.rows[place].values()]))
        elif verdict in _NOT_ACCEPTED:
            not_accepted += 1
        elif not target:
            skipped += 1
            first_skipped = place if first_skipped is None else first_skipped
        elif not text.strip("\0"):
            without_input += 1
            first_without_input = place if first_without_input is None else first_without_input
        else:
            places.append(place)
            keys.append(short_key(same_input_key(text)))
            if len(counts) <= MOST_CHOSEN_LABELS:
                counts[target] = counts.get(target, 0) + 1
                targets.append(known.setdefault(target, target))
            else:  # they are no labels, and too many texts to keep
                targets.append("")
    return UsableRows(
        places,
        keys,
        targets,
        counts,
        skipped,
        without_input,
        first_skipped,
        first_without_input,
        headers,
        not_accepted,
    )


def _other_order(place: int, cells: Sequence[str]) -> str:
    return (
        f"Row {place + 1:,} has the names of the columns in another order ({', '.join(map(repr, cells))}), so the rows "
        "below it seem to come from another file: put their columns in the order of the others."
    )
