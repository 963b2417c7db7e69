"""Data sets of the Hugging Face Hub: lists the parts of one, and fetches a part as a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.hub.client import bound_waiting
from lamp.errors import DataError, first_line
from lamp.hub.catalog import is_hub_id
from lamp.hub.refusals import refusal
from lamp.hub.timeouts import HUB_TIMEOUT

MOST_ROWS = 100_000
"""Only the first rows of a part are fetched; this is more than a prompt of a few thousand numbers can use."""
MOST_BYTES = 400_000_000
"""No more rows are fetched once their text has this size."""
_READERS = frozenset({"arrow", "csv", "json", "parquet", "text"})
"""Readers of the datasets library that give tables of text; others unpack archives or media, or need more libraries."""
_BATCH = 1000
"""Rows that are converted and written at a time."""
_INDEX = re.compile(r"__index_level_\d+__")
"""Names of columns that hold pandas' row numbers."""

OnRows = Callable[[int, int | None], None]
"""Called with the number of rows fetched so far, and with how many there are, None where that is not known."""


@dataclass(frozen=True)
class Fetched:
    """A part of a data set that was fetched."""

    name: str
    """A file name for people, which ends in .parquet."""
    rows: int
    whole: bool
    """Whether the part has no more rows than these."""
    left_out: tuple[str, ...]
    """Names of columns that hold no text: lists, pictures, sounds."""


def plain_id(text: str) -> str:
    """The id in a text that was typed or pasted: an id, or the address of a data set's page.

    Raises DataError for anything else, and for the name of a folder on this machine, which datasets would read.
    """
    id = re.sub(r"^(https?://[^/]+)?/?datasets/", "", text.strip()).rstrip("/")
    id = re.sub(r"/(viewer|tree|blob|resolve)(/.*)?$", "", id)
    if not id:
        raise DataError("Write the id of a data set on the Hub, such as stanfordnlp/sst2.")
    if not is_hub_id(id) or Path(id).exists():
        raise DataError(
            f"{text.strip()[:100]!r} is not the id of a data set on the Hub: write one such as stanfordnlp/sst2."
        )
    return id


def subsets(id: str) -> list[str]:
    """The subsets ("configurations") of a data set, at least one. Raises DataError in one sentence."""
    with _datasets_library(id) as datasets:
        return list(datasets.get_dataset_config_names(id))


def splits(id: str, subset: str) -> list[str]:
    """The splits of a subset, the one to learn from first. Raises DataError in one sentence."""
    with _datasets_library(id) as datasets:
        names = list(map(str, datasets.get_dataset_split_names(id, subset)))
    return sorted(names, key=lambda name: "train" not in name)


def fetch(id: str, subset: str, split: str, file: Path, on_rows: OnRows = lambda rows, total: None) -> Fetched:
    """Writes the first rows of a part to a Parquet file of text columns.

    Class labels are written by name, not by number. An object becomes a column for each of its values, called
    object.value. No code of the data set is run. Raises DataError in one sentence.
    """
    with _datasets_library(id) as datasets:
        builder = datasets.load_dataset_builder(id, subset)
        reader = type(builder).__module__.rpartition(".")[2]
        if reader not in _READERS:
            raise DataError(
                f"The data set {id!r} is no table of text but {reader}: choose one in Parquet, CSV or JSON."
            )
        stream = builder.as_streaming_dataset(split)
        info = (builder.info.splits or {}).get(split)
        total = min(MOST_ROWS, info.num_examples) if info and info.num_examples else None
        rows, whole, left_out = _write(stream, file, lambda rows: on_rows(rows, total))
    parts = [id.rpartition("/")[2], *([subset] if subset != "default" else []), split]
    return Fetched(f"{' '.join(dict.fromkeys(parts))}.parquet", rows, whole, left_out)


def _write(stream: Any, file: Path, on_rows: Callable[[int], None]) -> tuple[int, bool, tuple[str, ...]]:
    """Writes the stream to the file. Returns how many rows, whether those were all, and the columns left out."""
    import pyarrow as pa
    from pyarrow import parquet

    labels = {name: feature.names for name, feature in (stream.features or {}).items() if hasattr(feature, "int2str")}
    writer, schema, left_out = None, pa.schema([]), dict[str, None]()
    rows, size, whole = 0, 0, True
    try:
        for batch in stream.take(MOST_ROWS + 1).with_format("arrow").iter(_BATCH):
            part = batch.slice(0, MOST_ROWS - rows if size < MOST_BYTES else 0)
            whole = len(part) == len(batch)
            if not len(part):
                break
            texts, others = _texts(part, labels)
            left_out.update(dict.fromkeys(others))
            if writer is None:
                schema = pa.schema([(name, pa.large_string()) for name in texts])
                writer = parquet.ParquetWriter(file, schema)
            empty = pa.nulls(len(part), pa.large_string())
            writer.write_table(pa.table([texts.get(name, empty) for name in schema.names], schema=schema))
            rows += len(part)
            size += sum(column.nbytes for column in texts.values())
            on_rows(rows)
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        raise DataError("This part of the data set has no rows: choose another split.")
    return rows, whole, tuple(left_out)


def _texts(batch: Any, labels: dict[str, list[str]]) -> tuple[dict[str, Any], list[str]]:
    """The columns of an Arrow table as text, and the names of columns that hold something else."""
    import pyarrow as pa

    while any(pa.types.is_struct(field.type) for field in batch.schema):
        batch = batch.flatten()
    texts, others = {}, []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if _INDEX.fullmatch(name):
            continue
        if name in labels:
            names = labels[name]
            cells = [
                names[index] if index is not None and 0 <= index < len(names) else None for index in column.to_pylist()
            ]
            texts[name] = pa.array(cells, pa.large_string())
        elif any(
            is_no_text(column.type)
            for is_no_text in (
                pa.types.is_nested,
                pa.types.is_binary,
                pa.types.is_large_binary,
                pa.types.is_fixed_size_binary,
            )
        ):
            others.append(name)
        else:
            texts[name] = column.cast(pa.large_string())
    return texts, others


@contextmanager
def _datasets_library(id: str) -> Iterator[Any]:
    """The datasets library; whatever fails with it while the data set `id` is read raises one DataError."""
    import datasets  # late: it costs more than a second, and few pages need it
    from datasets.exceptions import DatasetNotFoundError
    from httpx2 import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import OfflineModeIsEnabled

    bound_waiting()
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    try:
        HfApi().dataset_info(id, timeout=HUB_TIMEOUT)  # where the Hub is silent, datasets asks again and again
        yield datasets
    except DataError:
        raise
    except DatasetNotFoundError as error:  # it is there, but nothing of it is given out
        raise DataError(
            f"The data set {id!r} is gated on the Hub: accept its terms on its page there, set HF_TOKEN to "
            "a token of that account, and start the studio again."
        ) from error
    except FileNotFoundError as error:
        raise DataError(
            f"The data set {id!r} holds no table that can be read: choose one in Parquet, CSV, JSON or plain text."
        ) from error
    except (ConnectionError, HTTPError, OfflineModeIsEnabled) as error:
        raise DataError(refusal("data set", id, error, "add the table as a file")) from error
    except Exception as error:  # datasets, and what it reads with, raise errors of many kinds
        reason = first_line(error)[:200].rstrip(".")
        raise DataError(
            f"The data set {id!r} cannot be read ({reason}): choose another part of it, or add the table as a file."
        ) from error
