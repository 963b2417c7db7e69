"""The data sets that can be picked: the samples that come with the studio, and what people added."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from app.conversion import convert_apart
from app.hub import fetching
from app.hub.fetching import Fetched, OnRows
from lamp.config import DataConfig
from lamp.data.checks import data_warnings
from lamp.data.column_roles import ColumnRole, column_roles
from lamp.data.splits import Splits, prepare
from lamp.data.tables import KINDS, Table, open_table, read_table
from lamp.data.truncation import Truncation, count_cut_targets, count_truncated
from lamp.errors import DataError
from lamp.hub.backbone_files import tokenizer_file
from storage.errors import NotStored
from storage.uploads import Upload, UploadStore

SAMPLES = Path(__file__).resolve().parent / "samples"
_SAMPLE = "sample:"
_FIRST_ROWS = 8


@dataclass(frozen=True)
class DatasetEntry:
    """A data set that can be picked: a sample of the studio's or an upload."""

    reference: str
    """"sample:<name>" or "upload:<sha256>"."""
    name: str
    rows: int
    columns: tuple[str, ...]


@dataclass(frozen=True)
class DatasetFile:
    """The table of a data set. The content of a reference never changes, so what was opened last is kept open."""

    path: Path
    """A sample, or the converted file of an upload."""
    name: str
    """The name that a person knows it by."""

    def table(self) -> Table:
        """Its rows. Raises DataError when it cannot be read."""
        return _read(self.path)

    def column_roles(self, target: str) -> tuple[ColumnRole, ...]:
        """What is proposed for each column when `target` is answered. Raises DataError when it cannot be read."""
        return _column_roles(self.path, target)

    def splits(self, config: DataConfig) -> Splits:
        """Its rows as examples. Raises DataError when nothing can be learned from them."""
        return _prepared(self.path, config)

    def warnings(self, config: DataConfig) -> tuple[str, ...]:
        """What may spoil the result, one sentence each. Raises DataError when nothing can be learned from the rows."""
        return _warnings(self.path, config)

    def truncation(self, config: DataConfig, backbone: str) -> Truncation | None:
        """How many training inputs will be cut because they are too long; None where that is unknown before the run.

        backbone: the folder or Hub id that it is loaded from.
        """
        return _truncation(self.path, config, backbone)

    def cut_targets(self, config: DataConfig, backbone: str) -> Truncation | None:
        """How many training targets will be cut because they are too long; None as for inputs."""
        return _cut_targets(self.path, config, backbone)


class Datasets:
    """The data sets by their references: "sample:<name>" or "upload:<sha256>"."""

    def __init__(self, uploads: UploadStore) -> None:
        self._uploads = uploads

    def list(self) -> list[DatasetEntry]:
        """Samples first, then uploads, newest first; an upload that can no longer be read is left out."""
        entries = [_sample_entry(path) for path in sorted(SAMPLES.glob("*.csv"), reverse=True)]
        for upload in self._uploads.list():
            try:
                entries.append(self._upload_entry(upload))
            except (DataError, NotStored):
                continue
        return entries

    def add(self, path: Path, name: str) -> DatasetEntry:
        """Converts a file, then stores a copy and the table. Raises DataError and stores nothing if it is no table."""
        with self._uploads.staged() as converted:
            convert_apart(path, name, converted)
            table = open_table(converted)
            upload = self._uploads.add(path, name, len(table.rows), table.columns)
            self._uploads.add_table(upload.reference, name, converted)
        return DatasetEntry(upload.reference, upload.name, len(table.rows), table.columns)

    def fetch(self, id: str, subset: str, split: str, on_rows: OnRows) -> tuple[DatasetEntry, Fetched]:
        """Fetches and stores a part of a data set on the Hub; "" is its first subset or split. Raises DataError."""
        id = fetching.plain_id(id)
        if not subset or not split:
            parts = fetching.look_up(id, subset)
            subset, split = parts.subset, split or parts.splits[0].name
        with TemporaryDirectory(prefix="lamp-studio-") as folder:
            file = Path(folder) / "part.parquet"
            fetched = fetching.fetch(id, subset, split, file, on_rows)
            return self.add(file, fetched.name), fetched

    def entry(self, reference: str) -> DatasetEntry:
        """What is shown of a data set. Raises DataError, StorageError."""
        if not reference or reference.startswith(_SAMPLE):  # a script may send null
            return _sample_entry(self._sample(reference))
        return self._upload_entry(self._uploads.get(reference))

    def file(self, reference: str) -> DatasetFile:
        """Its table, by the name that a person knows it by. Raises DataError or StorageError when there is none."""
        if not reference or reference.startswith(_SAMPLE):
            path = self._sample(reference)
            return DatasetFile(path, path.name)
        name = self._uploads.get(reference).name
        return DatasetFile(self._converted(reference, name), name)

    def table(self, reference: str, name: str) -> Table:
        """Its rows. name: of the file when the run was started. Raises DataError or StorageError."""
        if reference.startswith(_SAMPLE):
            return _read(self._sample(reference))
        return _read(self._converted(reference, name))

    def _converted(self, reference: str, name: str) -> Path:
        """The converted file of an upload; one of an earlier version is converted now, once."""
        converted = self._uploads.table(reference, name)
        if not converted.is_file():
            with self._uploads.staged() as staged:
                convert_apart(self._uploads.path(reference), name, staged)
                self._uploads.add_table(reference, name, staged)
        return converted

    def _sample(self, reference: str) -> Path:
        """Where a sample lies. Raises DataError when there is none."""
        if not reference:
            raise DataError(f"Choose a data set: the sample, one of the Hub, or upload a file: {KINDS}.")
        samples = {path.name: path for path in SAMPLES.glob("*.csv")}
        name = reference.removeprefix(_SAMPLE)
        if name not in samples:
            raise DataError(f"There is no sample {name[:80]!r}: the studio has {', '.join(sorted(samples))}.")
        return samples[name]

    def _upload_entry(self, upload: Upload) -> DatasetEntry:
        """An upload as it was described when it was added; one of an earlier version is read once and described."""
        self._uploads.path(upload.reference)  # raises where its file is gone
        rows, columns = upload.rows, upload.columns
        if rows is None or columns is None:
            table = _read(self._converted(upload.reference, upload.name))
            rows, columns = len(table.rows), table.columns
            self._uploads.describe(upload.reference, rows, columns)
        return DatasetEntry(upload.reference, upload.name, rows, columns)


def first_rows(table: Table, longest_cell: int | None) -> tuple[dict[str, str], ...]:
    """The rows of a table that people are shown. longest_cell: characters of a cell that are kept; None keeps all."""
    return tuple({column: _cut(cell, longest_cell) for column, cell in row.items()} for row in table.rows[:_FIRST_ROWS])


def _cut(cell: str, longest: int | None) -> str:
    return cell if longest is None or len(cell) <= longest else cell[: longest - 1] + "…"


@lru_cache(maxsize=16)
def _sample_entry(path: Path) -> DatasetEntry:
    table = _read(path)
    return DatasetEntry(_SAMPLE + path.name, path.name, len(table.rows), table.columns)


@lru_cache(maxsize=4)
def _read(path: Path) -> Table:
    return read_table(path) if path.parent == SAMPLES else open_table(path)


@lru_cache(maxsize=16)
def _column_roles(path: Path, target: str) -> tuple[ColumnRole, ...]:
    return column_roles(_read(path), target)


@lru_cache(maxsize=4)
def _prepared(path: Path, config: DataConfig) -> Splits:
    return prepare(_read(path), config)


@lru_cache(maxsize=16)
def _warnings(path: Path, config: DataConfig) -> tuple[str, ...]:
    roles = _column_roles(path, config.target_column)
    return tuple(data_warnings(_prepared(path, config), roles, config.input_columns))


@lru_cache(maxsize=16)
def _truncation(path: Path, config: DataConfig, backbone: str) -> Truncation | None:
    file = tokenizer_file(backbone)
    return count_truncated(file, _prepared(path, config).train, config.max_input_tokens) if file else None


@lru_cache(maxsize=16)
def _cut_targets(path: Path, config: DataConfig, backbone: str) -> Truncation | None:
    file = tokenizer_file(backbone)
    return count_cut_targets(file, _prepared(path, config).train, config.max_target_tokens) if file else None
