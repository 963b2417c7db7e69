"""Data sets of the Hugging Face Hub: lists their parts, and downloads a part as a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.hub.access import reading
from app.hub.searching import id_in_address
from app.hub.text_columns import write_text_columns
from lamp.data.source import DataSource
from lamp.data.tables.checks import MAX_ROWS, MAX_UNPACKED
from lamp.errors import DataError
from lamp.hub.catalog import is_hub_id

MOST_ROWS = 100_000
"""Only the first rows of a part are downloaded by default: few tasks benefit from more."""
MOST_BYTES = 400_000_000
"""Limit on the text of the rows, unless all are asked for: then the limit is that of a table."""
_READERS = frozenset({"arrow", "csv", "json", "parquet", "text"})
"""Readers of the datasets library that produce tables of text; others unpack archives or media, or need more libraries.
"""

CheckSpace = Callable[[int], None]
"""Called with the bytes that are still to be written; raises an error if there is no space for them."""
OnRows = Callable[[int, int | None], None]
"""Called with the number of rows downloaded so far, and the total, None if it is unknown."""


class FetchCancelled(DataError):
    """Raised by an `OnRows` to cancel the download."""


@dataclass(frozen=True)
class HubSplit:
    """A split of a data set on the Hub."""

    name: str
    rows: int | None
    """None if the Hub does not tell."""
    bytes: int | None = None
    """Size of its rows, including pictures and sounds; None if the Hub does not tell."""


@dataclass(frozen=True)
class HubParts:
    """The parts of a data set at one commit: its subsets, and the splits of one of them."""

    id: str
    revision: str
    """The hash of the commit."""
    subsets: tuple[str, ...]
    """At least one; also called "configurations"."""
    subset: str
    splits: tuple[HubSplit, ...]
    """The splits of `subset`, the training split first."""


@dataclass(frozen=True)
class HubPart:
    """A part of a data set on the Hub to download."""

    id: str
    """Its id, or the address of its page."""
    subset: str = ""
    """"" for the first subset."""
    split: str = ""
    """"" for the training split."""
    revision: str = "main"
    """A branch, a tag or a commit."""
    all_rows: bool = False
    """Download every row that a table of the studio can hold, instead of the first MOST_ROWS."""


@dataclass(frozen=True)
class Fetched:
    """A downloaded part of a data set."""

    name: str
    """File name to show, which ends in .parquet."""
    source: DataSource
    rows: int
    whole: bool
    """Whether the part has no further rows."""
    left_out: tuple[str, ...]
    """Names of columns without text: lists, pictures, sounds."""


def plain_id(text: str) -> str:
    """Reads an id from what was typed or pasted: an id, or the address of a data set's page.

    Raises DataError for anything else, and for the name of a folder on this machine, which datasets would read.
    """
    id = id_in_address(text)
    if not id:
        raise DataError("Write the id of a data set on the Hub, such as stanfordnlp/sst2.")
    if not is_hub_id(id) or Path(id).exists():
        raise DataError(
            f"{text.strip()[:100]!r} is not the id of a data set on the Hub: write one such as stanfordnlp/sst2."
        )
    return id


def look_up(id: str, subset: str = "", revision: str = "main", token: str = "") -> HubParts:
    """Lists the parts of a data set.

    subset: whose splits, "" for the first one; token: used for this call only. Raises DataError in one sentence;
    NeedsToken if a token of another account may help.
    """
    with reading(id, revision, token) as (datasets, access):
        subsets = tuple(map(str, datasets.get_dataset_config_names(id, **access)))
        subset = subset or subsets[0]
        info = datasets.get_dataset_config_info(id, subset, **access)
        splits = [HubSplit(str(name), _count(split), _bytes(split)) for name, split in info.splits.items()]
    return HubParts(
        id, access["revision"], subsets, subset, tuple(sorted(splits, key=lambda split: "train" not in split.name))
    )


def fetch(
    id: str,
    subset: str,
    split: str,
    file: Path,
    on_rows: OnRows = lambda rows, total: None,
    *,
    revision: str = "main",
    token: str = "",
    all_rows: bool = False,
    check_space: CheckSpace = lambda size: None,
) -> Fetched:
    """Writes the first rows of a part, at one commit, to a Parquet file of text columns.

    token: as in `look_up`; all_rows: every row that a table can hold, instead of the first MOST_ROWS; they are never
    all in memory. check_space: called before the first row, where the size is known, and after each batch; it counts
    two more copies of the text, which adding the table takes.

    Class labels are written by name, not by number. An object becomes a column for each of its values, called
    object.value. No code of the data set is run. Raises DataError, as `look_up` does.
    """
    with reading(id, revision, token) as (datasets, access):
        builder = datasets.load_dataset_builder(id, subset, **access)
        reader = type(builder).__module__.rpartition(".")[2]
        if reader not in _READERS:
            raise DataError(
                f"The data set {id!r} is no table of text but {reader}: choose one in Parquet, CSV or JSON."
            )
        stream = builder.as_streaming_dataset(split)
        info = (builder.info.splits or {}).get(split)
        most_rows, most_bytes = (MAX_ROWS, MAX_UNPACKED) if all_rows else (MOST_ROWS, MOST_BYTES)
        count = _count(info)
        total = min(most_rows, count) if count else None
        if count and total:
            check_space(3 * min(most_bytes, round((_bytes(info) or 0) * total / count)))

        def on_batch(rows: int, size: int) -> None:
            check_space(2 * size)
            on_rows(rows, total)

        rows, whole, left_out = write_text_columns(stream, file, most_rows, most_bytes, on_batch)
    parts = [id.rpartition("/")[2], *([subset] if subset != "default" else []), split]
    name = f"{' '.join(dict.fromkeys(parts))}.parquet"
    return Fetched(name, DataSource(id, subset, split, access["revision"]), rows, whole, left_out)


def _count(split: Any) -> int | None:
    """Returns the number of rows that a data set's card gives for a split; None without one."""
    return getattr(split, "num_examples", None) or None


def _bytes(split: Any) -> int | None:
    """Returns the size of a split's rows that a data set's card gives; None without one."""
    return getattr(split, "num_bytes", None) or None
