"""The data sets that can be picked: the samples that come with the studio, and what people added."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from app import limits
from app.data.dataset_file import SAMPLES, DatasetFile, forget_opened, opened_table
from app.hub import fetching
from app.hub.fetching import CheckSpace, Fetched, HubPart, OnRows
from app.processes.conversion import convert_apart
from lamp.config import TuneConfig
from lamp.data.source import DataSource
from lamp.data.tables import KINDS, Layout, Table, open_table
from lamp.data.tables.packed import PACKINGS
from lamp.data.tables.store import write_named
from lamp.errors import DataError
from storage.errors import NotStored
from storage.uploads import Upload, UploadStore

_SAMPLE = "sample:"


@dataclass(frozen=True)
class DatasetEntry:
    """A data set that can be picked: a sample of the studio's or an upload."""

    reference: str
    """"sample:<name>" or "upload:<sha256>"."""
    name: str
    rows: int
    columns: tuple[str, ...]
    source: DataSource | None = None
    """Where it was fetched from, when it comes from the Hub."""
    problem: str = ""
    """Why it cannot be read; empty when it can."""

    @property
    def stem(self) -> str:
        """Its name without the ending, which tells how the file is read."""
        return self.name.removesuffix(_ending(self.name))

    @property
    def is_upload(self) -> bool:
        """Whether people added it, so that it can be renamed and deleted."""
        return self.reference.startswith("upload:")


class Datasets:
    """The data sets by their references: "sample:<name>" or "upload:<sha256>"."""

    def __init__(self, uploads: UploadStore) -> None:
        self._uploads = uploads
        self._sources: dict[str, DataSource | None] = {}
        """Sources that were read before: every tick of a run's page wants one."""

    def list(self) -> list[DatasetEntry]:
        """Samples first, then uploads, newest first; one that can no longer be read says why."""
        entries = sample_entries()
        for upload in self._uploads.list():
            try:
                entries.append(self._upload_entry(upload))
            except (DataError, NotStored) as error:
                entries.append(DatasetEntry(upload.reference, upload.name, 0, (), _source_of(upload), str(error)))
        return entries

    def add(self, path: Path, name: str, source: DataSource | None = None) -> DatasetEntry:
        """Converts a file, then stores a copy and the table. Raises DataError and stores nothing if it is no table.

        source: where it was fetched from.
        """
        with self._uploads.staged() as converted:
            convert_apart(path, name, converted)
            table = open_table(converted)
            upload = self._uploads.add(
                path, name, len(table.rows), table.columns, asdict(source) if source is not None else None
            )
            self._uploads.add_table(upload.reference, name, converted)
        self._sources.pop(upload.reference, None)
        return self._upload_entry(upload)

    def read_again(self, reference: str, layout: Layout) -> DatasetEntry:
        """Reads an upload in another way. What comes of it is a data set of its own: runs of the first one keep theirs.

        Raises DataError, NotStored.
        """
        upload = self._uploads.get(reference)
        with self._uploads.staged() as converted, self._uploads.staged() as file:
            convert_apart(self._uploads.path(reference), upload.name, converted, layout)
            write_named(converted, file)
            table = open_table(converted)
            stem = upload.name.removesuffix(_ending(upload.name))
            said = [f"sheet {layout.sheet}"] if layout.sheet else []
            said += (
                [] if layout.header is None else [f"header in row {layout.header}" if layout.header else "no header"]
            )
            name = f"{stem} ({', '.join(said) or 'as found'}).parquet"
            again = self._uploads.add(file, name, len(table.rows), table.columns)
            self._uploads.add_table(again.reference, again.name, converted)
        return self._upload_entry(again)

    def fetch(
        self,
        part: HubPart,
        on_rows: OnRows,
        check_space: CheckSpace,
        token: str = "",
        check_file: Callable[[int], None] = lambda size: None,
    ) -> tuple[DatasetEntry, Fetched]:
        """Fetches and stores a part of a data set on the Hub, at the commit that its revision names now.

        token: used for this call only; on_rows, check_space: as in app.hub.fetching; check_file: called with the bytes
        of the file before it is stored. Raises DataError, and what those raise.
        """
        id, subset, split, revision = fetching.plain_id(part.id), part.subset, part.split, part.revision
        if not subset or not split:
            looked = fetching.look_up(id, subset, revision, token)
            subset, split, revision = looked.subset, split or looked.splits[0].name, looked.revision
        with self._uploads.staged() as file:
            fetched = fetching.fetch(
                id,
                subset,
                split,
                file,
                on_rows,
                revision=revision,
                token=token,
                all_rows=part.all_rows,
                check_space=check_space,
            )
            check_file(file.stat().st_size)
            return self.add(file, fetched.name, fetched.source), fetched

    def rename(self, reference: str, name: str) -> DatasetEntry:
        """Gives an upload another name, and leaves the ending, which tells how its file is read.

        Raises NotStored, DataError for an empty name.
        """
        ending = _ending(self._uploads.get(reference).name)
        stem = name.strip().removesuffix(ending).strip()
        if not stem:
            raise DataError("Give the data set a name: it cannot be empty.")
        return self._upload_entry(self._uploads.rename(reference, f"{stem}{ending}"))

    def delete(self, reference: str) -> None:
        """Removes an upload from the disk. Raises NotStored; WrongState while a run needs it."""
        self._uploads.remove(reference)
        self._sources.pop(reference, None)
        forget_opened()

    def bytes(self) -> int:
        """Bytes of all uploads, without the tables made of them."""
        return sum(upload.bytes for upload in self._uploads.list())

    def bytes_of(self, reference: str) -> int:
        """Bytes of an upload, without the table made of it. Raises NotStored."""
        return self._uploads.get(reference).bytes

    def is_there(self, reference: str) -> bool:
        """Whether a run can still read the data set that it was started with."""
        if reference.startswith(_SAMPLE):
            return True
        try:
            self._uploads.get(reference)
            self._uploads.check(reference)
        except NotStored:
            return False
        return True

    def source(self, reference: str) -> DataSource | None:
        """Where a data set was fetched from; None for samples, for people's own files, and for what is gone."""
        if reference not in self._sources:
            try:
                self._sources[reference] = _source_of(self._uploads.get(reference))
            except NotStored:
                return None
        return self._sources[reference]

    def entry(self, reference: str) -> DatasetEntry:
        """What is shown of a data set. Raises DataError, StorageError."""
        reference = limits.name("The data set", reference)
        if not reference or reference.startswith(_SAMPLE):
            return _sample_entry(self._sample(reference))
        return self._upload_entry(self._uploads.get(reference))

    def file(self, reference: str) -> DatasetFile:
        """Its table, by the name that a person knows it by. Raises DataError or StorageError when there is none."""
        reference = limits.name("The data set", reference)
        if not reference or reference.startswith(_SAMPLE):
            path = self._sample(reference)
            return DatasetFile(path, path.name)
        name = self._uploads.get(reference).name
        return DatasetFile(self._converted(reference, name), name)

    def table(self, reference: str, name: str) -> Table:
        """Its rows. name: of the file when the run was started. Raises DataError or StorageError."""
        if reference.startswith(_SAMPLE):
            return opened_table(self._sample(reference))
        return opened_table(self._converted(reference, name))

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
        self._uploads.check(upload.reference)
        rows, columns = upload.rows, upload.columns
        if rows is None or columns is None:
            table = opened_table(self._converted(upload.reference, upload.name))
            rows, columns = len(table.rows), table.columns
            self._uploads.describe(upload.reference, rows, columns)
        return DatasetEntry(upload.reference, upload.name, rows, columns, _source_of(upload))


def sample_entries() -> list[DatasetEntry]:
    """The data sets that come with the studio."""
    return [_sample_entry(path) for path in sorted(SAMPLES.glob("*.csv"), reverse=True)]


def sources_of(datasets: Datasets, config: TuneConfig, dataset: str) -> dict[str, DataSource]:
    """Where the data sets of a recipe were fetched from, those of the Hub alone: of its rows, validation and test."""
    own = config.data
    named = {"data": dataset, "validation_data": own.validation_data, "test_data": own.test_data}
    found = {name: datasets.source(reference) for name, reference in named.items() if reference}
    return {name: source for name, source in found.items() if source is not None}


def _source_of(upload: Upload) -> DataSource | None:
    return DataSource(**upload.source) if upload.source is not None else None


def _ending(name: str) -> str:
    """What tells how a file is read: ".csv", ".csv.gz"."""
    path = Path(name)
    return (Path(path.stem).suffix if path.suffix.lower() in PACKINGS else "") + path.suffix


@lru_cache(maxsize=16)
def _sample_entry(path: Path) -> DatasetEntry:
    table = opened_table(path)
    return DatasetEntry(_SAMPLE + path.name, path.name, len(table.rows), table.columns)
