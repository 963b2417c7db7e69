"""The data sets that can be picked: the samples that come with the studio, and what people added."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from app.hub import fetching
from app.hub.fetching import Fetched, Told
from app.values import DatasetEntry
from lamp.config import DataConfig
from lamp.data.splits import Splits, prepare
from lamp.data.tables import Table, read_table
from lamp.data.truncation import Truncation, count_truncated
from lamp.errors import DataError
from lamp.hub.backbone_files import tokenizer_file
from storage.uploads import UploadStore

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
_SAMPLE = "sample:"


class Datasets:
    """References to tables: "sample:<name>" or "upload:<sha256>"."""

    def __init__(self, uploads: UploadStore) -> None:
        self._uploads = uploads

    def list(self) -> list[DatasetEntry]:
        """Samples first, then uploads, newest first; an upload that can no longer be read is left out."""
        found = [self.entry(_SAMPLE + path.name) for path in sorted(SAMPLES.glob("*.csv"), reverse=True)]
        for upload in self._uploads.list():
            try:
                found.append(self.entry(upload.reference))
            except DataError:
                continue
        return found

    def add(self, path: Path, name: str) -> DatasetEntry:
        """Reads a file to the end, then keeps a copy. Raises DataError; nothing is kept then."""
        table = read_table(path, name)
        return self.entry(self._uploads.add(path, name, len(table.rows), table.columns).reference)

    def fetch(self, id: str, subset: str, split: str, told: Told) -> tuple[DatasetEntry, Fetched]:
        """Keeps a copy of a part of a data set of the Hub; empty names take its first. Raises DataError."""
        id = fetching.plain_id(id)
        subset = subset or fetching.subsets(id)[0]
        split = split or fetching.splits(id, subset)[0]
        with TemporaryDirectory(prefix="lamp-studio-") as folder:
            file = Path(folder) / "part.parquet"
            found = fetching.fetch(id, subset, split, file, told)
            return self.add(file, found.name), found

    def entry(self, reference: str) -> DatasetEntry:
        """What is shown of a data set. Raises DataError, StorageError."""
        name = self.name(reference)
        return DatasetEntry(reference, name, *_shape(self.path(reference), name))

    def name(self, reference: str) -> str:
        """The name that a person knows it by."""
        if reference.startswith(_SAMPLE):
            return reference.removeprefix(_SAMPLE)
        return self._uploads.get(reference).name

    def path(self, reference: str) -> Path:
        """Its file. Raises DataError or StorageError when there is none."""
        if not reference:
            raise DataError(
                "Choose a data set: the sample, one of the Hub, or upload a CSV, TSV, JSON, JSON Lines or Parquet file."
            )
        if not reference.startswith(_SAMPLE):
            return self._uploads.path(reference)
        known = {path.name: path for path in SAMPLES.glob("*.csv")}
        name = reference.removeprefix(_SAMPLE)
        if name not in known:
            raise DataError(f"There is no sample {name[:80]!r}: the studio has {', '.join(sorted(known))}.")
        return known[name]

    def table(self, reference: str) -> Table:
        """Its rows. Contents never change under a reference, so the last few are kept in memory."""
        return _read(self.path(reference), self.name(reference))

    def splits(self, reference: str, config: DataConfig) -> Splits:
        """Its rows as examples. Raises DataError when nothing can be learned from them."""
        return _prepared(self.path(reference), self.name(reference), config)

    def truncation(self, reference: str, config: DataConfig, backbone: str) -> Truncation | None:
        """Training inputs of more tokens than the backbone will be given; None where that cannot be told."""
        return _truncation(self.path(reference), self.name(reference), config, backbone)


@lru_cache(maxsize=4)
def _read(path: Path, name: str) -> Table:
    return read_table(path, name)


@lru_cache(maxsize=1024)
def _shape(path: Path, name: str) -> tuple[int, tuple[str, ...]]:
    """Rows and columns: kept for every data set, so that listing them does not read them all again."""
    table = _read(path, name)
    return len(table.rows), tuple(table.columns)


@lru_cache(maxsize=4)
def _prepared(path: Path, name: str, config: DataConfig) -> Splits:
    return prepare(_read(path, name), config)


@lru_cache(maxsize=16)
def _truncation(path: Path, name: str, config: DataConfig, backbone: str) -> Truncation | None:
    file = tokenizer_file(backbone)
    texts = [example.text for example in _prepared(path, name, config).train]
    return count_truncated(file, texts, config.max_input_tokens) if file else None
