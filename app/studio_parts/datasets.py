"""The part of Studio that is about data sets."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from app import limits
from app.backbones.registry import Backbones
from app.data.dataset_file import first_rows
from app.data.datasets import DatasetEntry, sample_entries, sources_of
from app.disk_full import full_disk_told
from app.hub import fetching, searching
from app.hub.fetching import Fetched, HubPart, HubParts, OnRows
from app.hub.searching import HubDataset
from app.studio_parts.quotas import StudioQuotas, computes
from lamp.config import DataConfig, TuneConfig
from lamp.data.column_roles import guess_columns, plain_reading
from lamp.data.tables import Layout
from lamp.errors import BackboneError, DataError
from lamp.export.made_from import made_from
from lamp.hub.backbone_files import has_chat_template
from lamp.hub.cached import commit_of

_LAST_HEADER = 1000
"""The last row that can name the columns."""


class StudioDatasets(StudioQuotas):
    """The data sets that runs can learn from, and where they come from."""

    _backbones: Backbones

    @staticmethod
    def samples() -> list[DatasetEntry]:
        """The samples that come with the studio, for everybody."""
        return sample_entries()

    def datasets(self) -> list[DatasetEntry]:
        """The samples and everything that was uploaded."""
        return self._datasets.list()

    def dataset(self, reference: str) -> DatasetEntry:
        """One data set, its columns included. Raises DataError, StorageError."""
        return self._datasets.entry(reference)

    def first_rows(self, dataset: str) -> tuple[dict[str, str], ...]:
        """The first rows of a data set, whole: column → cell. Raises DataError, StorageError."""
        return first_rows(self._datasets.file(dataset).table(), longest_cell=None)

    @computes
    def add_dataset(self, path: Path, name: str) -> DatasetEntry:
        """Keeps a copy of a file that can be read as a table; raises DataError when it cannot."""
        name, size = limits.name("The file's name", name), path.stat().st_size
        self._check_upload(size)
        self._home.check_space(self.settings.low_disk_bytes + size, "this file")
        with self._room_for(size), full_disk_told("the file cannot be kept"):
            return self._datasets.add(path, name)

    def sheets(self, dataset: str) -> tuple[str, ...]:
        """The sheets of the workbook that a data set was read from, if it was. Raises DataError, StorageError."""
        return self._datasets.file(dataset).table().sheets

    @computes
    def read_again(self, dataset: str, header: int | None = None, sheet: str = "") -> DatasetEntry:
        """A further data set: the file of one that people added, read in another way. Raises DataError, StorageError.

        header: the line or row that names the columns, from 1; 0 where none does; None to find it; sheet: of a
        workbook, "" for the first one with a table.
        """
        if header is not None and not 0 <= header <= _LAST_HEADER:
            raise DataError(f"The row that names the columns must be between 1 and {_LAST_HEADER}, not {header}.")
        sheet = limits.name("The sheet's name", sheet)
        self._home.check_space(self.settings.low_disk_bytes, "this data set")
        with self._room_for(self._datasets.bytes_of(dataset)), full_disk_told("the file cannot be kept"):
            return self._datasets.read_again(dataset, Layout(header, sheet))

    def search_hub(self, words: str) -> list[HubDataset]:
        """Public data sets on the Hub whose id holds these words. Raises DataError."""
        return searching.search(words)

    @computes
    def look_up_dataset(self, id: str, subset: str = "", revision: str = "main", token: str = "") -> HubParts:
        """The parts of a data set on the Hub, by its id or its page's address. Raises DataError, NeedsToken.

        subset: whose splits are named, "" for the first one; revision: a branch, a tag or a commit; token: of an
        account that may read it, used for this call only.
        """
        id, subset = limits.name("The data set's id", id), limits.name("The subset", subset)
        revision = limits.name("The revision", revision).strip() or "main"
        return fetching.look_up(fetching.plain_id(id), subset, revision, token)

    @computes
    def fetch_dataset(
        self, part: HubPart, on_rows: OnRows = lambda rows, total: None, token: str = ""
    ) -> tuple[DatasetEntry, Fetched]:
        """Keeps rows of a part of a data set on the Hub, and which commit they are of.

        token: of an account that may read it, used for this call only. Raises DataError when they cannot be had,
        LowDisk and OverQuota when they have no place, and what `on_rows` raises.
        """
        for what, value in (("data set's id", part.id), ("subset", part.subset), ("split", part.split)):
            limits.name(f"The {what}", value)
        limits.name("The revision", part.revision)

        def check_space(size: int) -> None:
            self._home.check_space(self.settings.low_disk_bytes + size, "this data set")

        check_space(0)
        with self._room_for(0), ExitStack() as kept:

            def check_file(size: int) -> None:
                self._check_upload(size)
                kept.enter_context(self._room_for(size))

            return self._datasets.fetch(part, on_rows, check_space, token, check_file)

    def rename_dataset(self, reference: str, name: str) -> DatasetEntry:
        """Gives a data set that people added another name; its ending stays. Raises DataError, StorageError."""
        return self._datasets.rename(reference, name)

    def delete_dataset(self, reference: str) -> None:
        """Removes a data set that this person added. Raises StorageError, also while a run needs it."""
        self._datasets.delete(reference)
        self._home.forget_tokens()

    def guess_columns(self, dataset: str, backbone: str = "") -> DataConfig:
        """A first choice of input and target columns; of chat data also how they are read.

        backbone: the one that is to read them; without a chat template, or none, chat data is read as plain text.
        Raises DataError, StorageError.
        """
        guess = guess_columns(self._datasets.file(dataset).table())
        return guess if guess.input_format == "plain" or self._has_chat_template(backbone) else plain_reading(guess)

    def recipe_file(self, config: TuneConfig, dataset: str) -> dict[str, Any]:
        """A recipe as a file keeps it, with the commits on the Hub of its backbone and data. Raises BackboneError."""
        commit = commit_of(self._backbones.source(config.backbone)) if config.backbone.strip() else ""
        return config.to_dict() | made_from(config.backbone, commit, sources_of(self._datasets, config, dataset))

    def _has_chat_template(self, backbone: str) -> bool:
        try:
            return bool(backbone.strip()) and bool(has_chat_template(self._backbones.source(backbone)))
        except BackboneError:
            return False
